"""Migrations of backstage."""
