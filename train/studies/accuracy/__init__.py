"""How right the networks are, by a protocol that cannot fool us."""
