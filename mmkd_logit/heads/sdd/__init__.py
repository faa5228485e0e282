"""Scale decoupling: more rows from one image, RoI or map."""
