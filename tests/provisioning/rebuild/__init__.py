"""The whole of ``./inv rebuild``, as its operator runs it, against doubles that speak the real protocols."""
