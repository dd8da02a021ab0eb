"""What the demo puts into others' doors: its verb."""

from backstage.registry import verbs
from config.demo.verb import DEMO

verbs.register(DEMO.name, DEMO)
