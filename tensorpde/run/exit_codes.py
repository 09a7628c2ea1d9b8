"""The exit codes of every tensorpde program, in one place for drivers, job scripts and the manual.

====  ==================================================================================================
code  meaning
====  ==================================================================================================
0     the run reached its end, or a report (``--help``, ``--dry-run``) was printed
1     an error: the message names the rank that had it
2     the parameters or the command line are wrong; nothing was computed or written
70    a field is no longer finite; the last checkpoint is older than that and whole
75    stopped on request (USR1, TERM, the wall-clock limit) after a checkpoint: ``--resume`` goes on
====  ==================================================================================================

70 and 75 are ``EX_SOFTWARE`` and ``EX_TEMPFAIL`` of ``sysexits.h``.
"""

FINISHED = 0
ERROR = 1
USAGE = 2
NOT_FINITE = 70
STOPPED = 75
