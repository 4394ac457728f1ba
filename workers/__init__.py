"""The workers: processes that take tasks from the queue and do the slow work.

Each folder is one worker; nothing here answers HTTP. Services reach them only through the queue.
"""
