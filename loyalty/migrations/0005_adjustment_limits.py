"""How many points staff may give and take by hand, and the right to do so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("encore_loyalty", "0004_campaigns")]

    operations = [
        migrations.AlterModelOptions(
            name="member",
            options={
                "permissions": [("adjust_points", "Can give and take points by hand")],
                "verbose_name": "member",
                "verbose_name_plural": "members",
            },
        ),
        migrations.CreateModel(
            name="AdjustmentLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("group_id", models.BigIntegerField("role", null=True, blank=True)),
                ("points_per_act", models.PositiveIntegerField("points in one go", null=True, blank=True)),
                ("points_per_day", models.PositiveIntegerField("points a day", null=True, blank=True)),
                (
                    "programme",
                    models.ForeignKey(
                        "encore_loyalty.programme",
                        models.PROTECT,
                        related_name="+",
                        db_index=False,
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "verbose_name": "limit of points by hand",
                "verbose_name_plural": "limits of points by hand",
                "constraints": [
                    models.UniqueConstraint(fields=["programme", "group_id"], name="encore_limit_of_role"),
                    models.UniqueConstraint(
                        fields=["programme"],
                        condition=models.Q(group_id__isnull=True),
                        name="encore_limit_of_others",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdjustmentTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("by_id", models.CharField("by id", max_length=40)),
                ("counted_on", models.DateField("day")),
                ("points", models.PositiveBigIntegerField("points", default=0)),
                (
                    "programme",
                    models.ForeignKey(
                        "encore_loyalty.programme",
                        models.PROTECT,
                        related_name="+",
                        db_index=False,
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "verbose_name": "points by hand of a day",
                "verbose_name_plural": "points by hand of days",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["programme", "by_id", "counted_on"], name="encore_tally_of_day"
                    )
                ],
            },
        ),
    ]
