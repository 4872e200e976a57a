"""What is made from matrix.yaml: a module for each file, and for what stands between markers in others."""
