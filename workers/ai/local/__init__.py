"""The local model: EfficientNet-Lite0 on onnxruntime, mapped onto disposal items, no key and no network.

A plain library: called by the AI worker's ``local`` provider and by ``python -m workers.ai.local.build``.
"""
