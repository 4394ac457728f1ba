"""Our two container images: what they are made of, and `./inv build`, which makes and pushes them.

``packages.py`` says which packages of ``requirements.lock`` an image needs, ``install.sh`` and ``locked.py`` are run by
the Dockerfile, ``health.py`` goes into the image; the rest is the command.
"""
