"""Everything that knows the inside of a toolbox."""
