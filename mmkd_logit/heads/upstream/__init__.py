"""Everything that depends on the inside of a toolbox."""
