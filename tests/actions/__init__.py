"""The workflows of GitHub Actions: what they may, and whether what they run exists."""
