"""The AI worker: from a photo to a disposal item, by a remote provider or by the local model.

Used by the AI worker's service alone; the providers behind it know nothing of Nameko.
"""
