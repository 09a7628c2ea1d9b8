"""Both backends offer the same modules, names and signatures, and each says in one sentence what it lacks."""

import importlib
import inspect
import subprocess
import sys
import types

import pytest
import standin

with standin.present():
    from tensorpde import backend
    from tensorpde.backend import cupy as gpu
    from tensorpde.backend.cupy import device

cpu = backend.get("numpy")
NAMES = [(module, name) for module, names in backend.SURFACE.items() for name in names]


@pytest.fixture(autouse=True, scope="module")
def present():
    with standin.present():
        yield


def module_of(package, module):
    return getattr(package, module) if module else package


def form(function):
    """Names, kinds and defaults of parameters."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_one_signature(module, name):
    ours, theirs = (getattr(module_of(package, module), name) for package in (gpu, cpu))
    assert type(ours) is type(theirs)
    if not callable(theirs):
        return
    assert form(ours) == form(theirs)
    if inspect.isclass(theirs):
        methods = [key for key in vars(theirs) if not key.startswith("_") and callable(getattr(theirs, key))]
        for method in methods:
            assert form(getattr(ours, method)) == form(getattr(theirs, method))


@pytest.mark.parametrize("package", [cpu, gpu], ids=["numpy", "cupy"])
def test_modules_have_no_other_public_function(package):
    for module, names in backend.SURFACE.items():
        for name, value in vars(module_of(package, module)).items() if module else ():
            own = getattr(value, "__module__", "").startswith(f"{package.__name__}.{module}")
            if own and isinstance(value, types.FunctionType) and not name.startswith("_") and name not in names:
                assert (package.name, module, name) in INSIDE


INSIDE = {
    *(("cupy", "lines", name) for name in ("tile_size", "tile_threads", "carries")),
    ("cupy", "particles", "flat"),
    ("numpy", "recycling", "aligned"),
    *(("numpy", "elements", name) for name in ("fill", "integrate", "weighed")),
    ("cupy", "reductions", "sum_of_squares"),
}
"""What the modules of a backend have of each other."""


def test_a_backend_is_found_by_its_array():
    assert backend.of(gpu.zeros(3)) is gpu and backend.of(cpu.zeros(3)) is cpu
    with pytest.raises(ValueError, match="backend 'torch' is unknown; known are numpy, cupy"):
        backend.get("torch")


def test_arrays_of_device_and_host_do_not_mix():
    a, b = gpu.zeros(3), cpu.zeros(3)
    for mixed in (lambda: a + b, lambda: b + a, lambda: a.__setitem__(0, b), lambda: __import__("numpy").asarray(a)):
        with pytest.raises(TypeError):
            mixed()


def test_no_cupy_is_one_sentence():
    code = "import sys; sys.modules['cupy'] = None\nfrom tensorpde import backend\nbackend.get('cupy')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1].startswith('tensorpde.backend.Unavailable: backend="cupy" needs CuPy, which')
    assert done.stderr.splitlines()[-1].endswith('pip install "tensorpde[gpu]"')


@pytest.mark.parametrize(
    ("error", "driver", "words"),
    [
        (
            "cudaErrorInsufficientDriver: …",
            12040,
            "needs a driver for CUDA 13.0, and that of this machine is for CUDA 12.4",
        ),
        ("cudaErrorInsufficientDriver: …", 0, "this machine has no NVIDIA driver"),
        ("cudaErrorNoDevice: no CUDA-capable device is detected", 13000, "this process sees none"),
        ("cudaErrorECCUncorrectable: …", 13000, "cannot use the GPU: cudaErrorECC"),
    ],
)
def test_what_a_device_lacks_is_one_sentence(error, driver, words, monkeypatch):
    runtime = device.cupy.cuda.runtime

    def fail():
        raise runtime.CUDARuntimeError(error)

    monkeypatch.setattr(runtime, "getDeviceCount", fail)
    monkeypatch.setattr(runtime, "driverGetVersion", lambda: driver)
    monkeypatch.setattr(runtime, "runtimeGetVersion", lambda: 13000)
    with pytest.raises(backend.Unavailable, match=words):
        device.count()


def test_no_device_is_one_sentence(monkeypatch):
    monkeypatch.setattr(device.cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    with pytest.raises(backend.Unavailable, match="sees none"):
        device.count()


def test_no_memory_is_one_sentence(monkeypatch):
    def full(*args, **options):
        raise device.cupy.cuda.memory.OutOfMemoryError(1, 1) if standin.has_device() else standin.OutOfMemoryError

    monkeypatch.setattr(gpu.cupy, "empty", full)
    with pytest.raises(MemoryError, match=r"an array of shape \(1024, 1024\) and 0.01 GiB does not fit the GPU: "):
        gpu.empty((1024, 1024))


def test_ranks_of_a_node_share_its_devices():
    devices = device.count()
    assert [device.take(rank) for rank in range(devices + 1)] == [*range(devices), 0]
    assert len(device.describe()) == devices
    free, total = device.memory()
    assert 0 < free <= total


def test_precision_is_kept_unless_asked(monkeypatch):
    for asked, expected in (("tf32", "1"), (None, "0")):
        monkeypatch.setenv("CUPY_TF32", "1")
        monkeypatch.delenv("TENSORPDE_PRECISION", raising=False)
        if asked:
            monkeypatch.setenv("TENSORPDE_PRECISION", asked)
        importlib.reload(device)
        assert device.os.environ["CUPY_TF32"] == expected
