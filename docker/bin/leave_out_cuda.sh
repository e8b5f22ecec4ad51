#!/bin/sh
# Remove from an environment what torch opens on a GPU only. libtorch_cuda.so is linked to the rest, which therefore stays.
set -eu
environment=$1
uv pip uninstall --quiet --python "$environment" triton
for packages in "$environment"/lib/python*/site-packages; do
    rm -rf "$packages"/nvidia/*/include "$packages"/nvidia/*/lib/*.a "$packages"/nvidia/*/lib/*.bc
    rm -f "$packages"/nvidia/cudnn/lib/libcudnn_* "$packages"/nvidia/cu13/lib/libcusolver*
done
