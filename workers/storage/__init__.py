"""The storage worker: puts pictures into S3 under keys of their own, makes pictures of uploads, deletes what is gone.

A Nameko process of its own; nobody imports it.
"""
