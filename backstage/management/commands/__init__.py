"""Commands of backstage: one, with many verbs."""
