"""The manifests that Helm renders for every release of ours, before a scanner."""
