"""Changes that are announced, programmes that close on a day, and the largest budget of a role."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("encore_loyalty", "0008_actions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("rule", "What an order gives"),
                            ("terms", "When points are ready and when they end"),
                            ("settings", "What points are worth, and settings"),
                            ("text", "The terms of the club"),
                            ("closing", "The end of the club"),
                        ],
                        max_length=8,
                        verbose_name="about",
                    ),
                ),
                ("changes", models.JSONField(verbose_name="what changes")),
                ("lowers", models.JSONField(blank=True, default=list, verbose_name="what it takes away")),
                ("announced_at", models.DateTimeField(verbose_name="announced at")),
                ("starts_at", models.DateTimeField(verbose_name="holds from")),
                ("cancelled_at", models.DateTimeField(blank=True, null=True, verbose_name="called off at")),
            ],
            options={
                "verbose_name": "announcement",
                "verbose_name_plural": "announcements",
            },
        ),
        migrations.CreateModel(
            name="CampaignLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("group_id", models.BigIntegerField(blank=True, null=True, verbose_name="role")),
                (
                    "budget_points",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="largest budget"),
                ),
            ],
            options={
                "verbose_name": "limit of campaigns",
                "verbose_name_plural": "limits of campaigns",
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="ended at"),
        ),
        migrations.AddField(
            model_name="programme",
            name="closes_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="closes at"),
        ),
        migrations.AddField(
            model_name="programme",
            name="coming_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="announced settings hold from"
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="coming_settings",
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name="announced settings"),
        ),
        migrations.AddField(
            model_name="programme",
            name="former_settings",
            field=models.JSONField(
                blank=True, default=list, editable=False, verbose_name="settings of before"
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="notice_days",
            field=models.PositiveSmallIntegerField(
                db_default=30,
                default=30,
                validators=[django.core.validators.MaxValueValidator(365)],
                verbose_name="days before it holds that members are told of a change for the worse",
            ),
        ),
        migrations.AddConstraint(
            model_name="earningrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__isnull", True), ("ends_at__gte", models.F("starts_at")), _connector="OR"
                ),
                name="encore_rule_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="lotterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__isnull", True), ("ends_at__gte", models.F("starts_at")), _connector="OR"
                ),
                name="encore_terms_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="programme",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("coming_at__isnull", True), ("coming_settings__isnull", True)),
                    models.Q(("coming_at__isnull", False), ("coming_settings__isnull", False)),
                    _connector="OR",
                ),
                name="encore_programme_coming_settings",
            ),
        ),
        migrations.AddConstraint(
            model_name="programme",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closes_at__isnull", True), ("state__in", ["closing", "closed"]), _connector="OR"
                ),
                name="encore_programme_closes_at",
            ),
        ),
        migrations.AddField(
            model_name="announcement",
            name="product_group",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="encore_loyalty.productgroup",
                verbose_name="product group",
            ),
        ),
        migrations.AddField(
            model_name="announcement",
            name="programme",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="announcements",
                to="encore_loyalty.programme",
                verbose_name="programme",
            ),
        ),
        migrations.AddField(
            model_name="campaignlimit",
            name="programme",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="encore_loyalty.programme",
                verbose_name="programme",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(("subject__in", ["rule", "terms", "settings", "text", "closing"])),
                name="encore_announcement_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__gte", models.F("announced_at"))),
                name="encore_announcement_before_it_holds",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cancelled_at__isnull", True),
                    ("cancelled_at__lt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="encore_announcement_cancelled_before",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignlimit",
            constraint=models.UniqueConstraint(
                fields=("programme", "group_id"), name="encore_campaign_limit_of_role"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignlimit",
            constraint=models.UniqueConstraint(
                condition=models.Q(("group_id__isnull", True)),
                fields=("programme",),
                name="encore_campaign_limit_of_others",
            ),
        ),
    ]
