"""How far each trial goes: state in, state out, each decision with its reason."""
