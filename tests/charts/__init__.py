"""What the charts under charts/ make of the cluster file, rendered by the real helm."""
