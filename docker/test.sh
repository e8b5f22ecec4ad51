#!/usr/bin/env bash
# Build the image, run it as it runs in the stack (another user than root, nothing writable but temporary folders), and
# show its size. With a Docker engine by that, else by podman and buildah on a base image from a debootstrap folder.
#   ENGINE=docker|podman   instead of what is found
#   BASE_IMAGE=name        instead of the Dockerfile's (docker) or a fresh debootstrap of Debian bookworm (podman)
#   CUDA=0                 the image for CPUs
#   UV_CACHE=folder        a cache of packages that the build may use and fill (podman)
#   PIP_CONFIG_FILE=file, UV_CONFIG_FILE=file   name an index of packages, or certificates, of your own (docker)
#   KEEP=1                 leave the image ftlab:test where it is
set -euo pipefail
cd "$(dirname "$0")/.."

CUDA="${CUDA:-1}"
KEEP="${KEEP:-}"
ENGINE="${ENGINE:-$(docker info > /dev/null 2>&1 && echo docker || echo podman)}"
IMAGE=localhost/ftlab:test
BASE=localhost/ftlab-base:test
scratch="$(mktemp -d)"

clean_up() {
    status=$?
    rm -rf "$scratch"
    [ -n "$KEEP" ] || "$ENGINE" image rm --force "$IMAGE" > /dev/null 2>&1 || true
    [ "$ENGINE" = docker ] || podman image rm --force "$BASE" > /dev/null 2>&1 || true
    exit "$status"
}
trap clean_up EXIT

make_base_image() {
    local mirror
    # shellcheck disable=SC2016 # apt's own placeholder
    mirror="${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' | head -n 1)}"
    debootstrap --variant=minbase --include=python3-venv,ca-certificates bookworm "$scratch/base" "$mirror" \
        > "$scratch/debootstrap.log" || { tail "$scratch/debootstrap.log"; return 1; }
    tar --directory="$scratch/base" --create . | podman import --quiet - "$BASE" > /dev/null
    rm -rf "$scratch/base"
}

build_image() {
    local arguments=(--file docker/Dockerfile --tag "$IMAGE" --build-arg CUDA="$CUDA")
    arguments+=(--build-arg COMMIT="$(git describe --always --dirty --abbrev=40 2> /dev/null)")
    if [ "$ENGINE" = docker ]; then
        [ -z "${PIP_CONFIG_FILE:-}" ] || arguments+=(--secret "id=pip_config,src=$PIP_CONFIG_FILE")
        [ -z "${UV_CONFIG_FILE:-}" ] || arguments+=(--secret "id=uv_config,src=$UV_CONFIG_FILE")
        docker build "${arguments[@]}" ${BASE_IMAGE:+--build-arg BASE_IMAGE="$BASE_IMAGE"} .
        return
    fi
    [ -n "${BASE_IMAGE:-}" ] || make_base_image
    if [ -n "${UV_CACHE:-}" ]; then
        arguments+=(--volume "$UV_CACHE:/var/cache/uv" --build-arg UV_CACHE_DIR=/var/cache/uv)
    fi
    # The machine's own certificates: its network may have an authority of its own.
    arguments+=(--volume /etc/ssl/certs:/etc/ssl/certs:ro)
    buildah bud --isolation chroot --format docker "${arguments[@]}" --build-arg BASE_IMAGE="${BASE_IMAGE:-$BASE}" .
}

# run SECONDS ARGUMENTS...: a container as compose.yaml makes them.
run() {
    local seconds=$1
    shift
    local arguments=(run --rm --no-healthcheck --read-only --cap-drop ALL --security-opt no-new-privileges --shm-size 512m)
    arguments+=(--tmpfs /tmp:mode=1777 --volume /work --volume /var/lib/ftlab --env HOME=/tmp)
    if [ "$ENGINE" = docker ]; then
        timeout "$seconds" docker "${arguments[@]}" --network none "$@"
    else
        # Limits that hold where podman itself runs in a container.
        arguments+=(--network host --ulimit nofile=1024:1024 --ulimit nproc=1000:1000)
        timeout "$seconds" podman --runtime runc "${arguments[@]}" "$@"
    fi
}

build_image

echo "--- ftlab --help"
run 60 "$IMAGE" --help | grep sweep

echo "--- ftlab doctor"
run 120 "$IMAGE" doctor

echo "--- a sweep of two trials, and the same again"
run 300 --volume "$PWD/docker/smoke.sh:/smoke.sh:ro" --entrypoint sh "$IMAGE" /smoke.sh

"$ENGINE" image inspect --format '{{.Size}}' "$IMAGE" | awk -v cuda="$CUDA" '{printf "image of CUDA=%s: %.2f GB\n", cuda, $1 / 1e9}'
