"""Names of the weak forms that sum factorization knows, the same for all backends."""

MASS, STIFFNESS, COUPLED = "mass", "stiffness", "mapped stiffness"
ADVECTION, ADJOINT = "advection", "adjoint advection"
