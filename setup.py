"""Only what pyproject.toml cannot say: the cffi extension and the tag of its wheel."""

import sysconfig

from setuptools import setup

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

setup(
    cffi_modules=["csrc/cffi_build.py:ffibuilder"],
    # setuptools refuses an abi3 tag on free-threaded Pythons (pypa/setuptools#5205).
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
