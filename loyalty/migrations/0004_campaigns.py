"""Campaigns with their versions, what members had from them, and what each award owes to them."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('encore_loyalty', '0003_allocation_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('public_text', models.JSONField(blank=True, default=dict, verbose_name='what customers read')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('on', 'Switched on'), ('paused', 'Paused'), ('ended', 'Ended')], default='draft', max_length=8, verbose_name='state')),
                ('starts_at', models.DateTimeField(verbose_name='starts at')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='ends at')),
                ('budget_points', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='pause at so many points')),
                ('spent_points', models.PositiveBigIntegerField(default=0, verbose_name='points given')),
                ('pause_reason', models.CharField(blank=True, default='', max_length=12, verbose_name='why it is paused')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused at')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
            ],
            options={
                'verbose_name': 'campaign',
                'verbose_name_plural': 'campaigns',
            },
        ),
        migrations.CreateModel(
            name='CampaignUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.PositiveBigIntegerField(verbose_name='points')),
            ],
            options={
                'verbose_name': 'use of a campaign',
                'verbose_name_plural': 'uses of campaigns',
            },
        ),
        migrations.CreateModel(
            name='CampaignVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('kind', models.CharField(choices=[('multiply', 'Times the points'), ('steps', 'Bonus over an amount'), ('pieces', 'Points for each piece')], max_length=8, verbose_name='kind')),
                ('factor', models.DecimalField(decimal_places=2, default=1, max_digits=4, verbose_name='times')),
                ('steps', models.JSONField(blank=True, default=list, verbose_name='steps')),
                ('piece_points', models.PositiveIntegerField(default=0, verbose_name='points for each piece')),
                ('skus', models.JSONField(blank=True, default=list, verbose_name='article numbers')),
                ('brands', models.JSONField(blank=True, default=list, verbose_name='brands')),
                ('category_paths', models.JSONField(blank=True, default=list, verbose_name='categories')),
                ('channels', models.JSONField(blank=True, default=list, verbose_name='channels')),
                ('tier_ids', models.JSONField(blank=True, default=list, verbose_name='levels')),
                ('segment_ids', models.JSONField(blank=True, default=list, verbose_name='segments')),
                ('order_numbers', models.JSONField(blank=True, default=list, verbose_name='the how-manieth order')),
                ('weekdays', models.JSONField(blank=True, default=list, verbose_name='days of the week')),
                ('from_minute', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(1440)], verbose_name='from minute of the day')),
                ('to_minute', models.PositiveSmallIntegerField(default=1440, validators=[django.core.validators.MaxValueValidator(1440)], verbose_name='to minute of the day')),
                ('cap_points', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='at most so many extra points each')),
                ('starts_at', models.DateTimeField(blank=True, null=True, verbose_name='starts at')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='ends at')),
            ],
            options={
                'verbose_name': 'version of a campaign',
                'verbose_name_plural': 'versions of campaigns',
            },
        ),
        migrations.AddField(
            model_name='award',
            name='extras',
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict, verbose_name='from campaigns'),
        ),
        migrations.AddField(
            model_name='programme',
            name='combination',
            field=models.CharField(choices=[('best', 'Best one wins'), ('add_up', 'They add up')], db_default='best', default='best', max_length=8, verbose_name='when an order is in several campaigns'),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(condition=models.Q(('combination__in', ['best', 'add_up'])), name='encore_programme_combination'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='programme',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='encore_loyalty.programme', verbose_name='programme'),
        ),
        migrations.AddField(
            model_name='campaignuse',
            name='campaign',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='encore_loyalty.campaign', verbose_name='campaign'),
        ),
        migrations.AddField(
            model_name='campaignuse',
            name='member',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_loyalty.member', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='campaignversion',
            name='campaign',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='encore_loyalty.campaign', verbose_name='campaign'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'on', 'paused', 'ended'])), name='encore_campaign_state'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='encore_campaign_ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('budget_points__isnull', True), ('spent_points__lte', models.F('budget_points')), _connector='OR'), name='encore_campaign_within_budget'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('paused_at__isnull', False), models.Q(('state', 'paused'), _negated=True), _connector='OR'), name='encore_campaign_paused_at'),
        ),
        migrations.AddConstraint(
            model_name='campaignuse',
            constraint=models.UniqueConstraint(fields=('campaign', 'member'), name='encore_campaign_use_once'),
        ),
        migrations.AddConstraint(
            model_name='campaignversion',
            constraint=models.UniqueConstraint(fields=('campaign', 'number'), name='encore_campaign_version'),
        ),
        migrations.AddConstraint(
            model_name='campaignversion',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), models.Q(('ends_at__gte', models.F('starts_at')), ('starts_at__isnull', False)), _connector='OR'), name='encore_campaign_version_period'),
        ),
    ]
