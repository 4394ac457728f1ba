"""The storage worker: puts pictures into S3 under keys made from their content.

A Nameko process of its own; nobody imports it.
"""
