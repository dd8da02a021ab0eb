"""Lists of invitations, each invitation, and programmes that take only those who are invited."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('encore_commerce', '0005_names_of_columns'),
        ('encore_loyalty', '0011_partners'),
    ]

    operations = [
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(verbose_name='chosen at')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='invited at')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='good until')),
                ('opened_at', models.DateTimeField(blank=True, null=True, verbose_name='opened at')),
                ('joined_at', models.DateTimeField(blank=True, null=True, verbose_name='joined at')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True, verbose_name='withdrawn at')),
                ('guests', models.PositiveSmallIntegerField(default=0, verbose_name='others who may join')),
                ('guests_joined', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='others who joined')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
            },
        ),
        migrations.CreateModel(
            name='InvitationGuest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('joined_at', models.DateTimeField(verbose_name='joined at')),
            ],
            options={
                'verbose_name': 'guest of an invitation',
                'verbose_name_plural': 'guests of invitations',
            },
        ),
        migrations.CreateModel(
            name='InvitationList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('segment_id', models.BigIntegerField(verbose_name='segment')),
                ('conditions', models.JSONField(blank=True, default=dict, editable=False, verbose_name='conditions')),
                ('is_living', models.BooleanField(default=False, verbose_name='also invites those who come to fit later')),
                ('valid_days', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='days that an invitation is good for')),
                ('guests', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(20)], verbose_name='so many others may join with the same link')),
                ('greeting', models.JSONField(blank=True, default=dict, verbose_name='greeting')),
                ('text', models.JSONField(blank=True, default=dict, verbose_name='text')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('on', 'Switched on'), ('paused', 'Paused'), ('ended', 'Ended')], default='draft', max_length=8, verbose_name='state')),
                ('begun_at', models.DateTimeField(blank=True, null=True, verbose_name='switched on at')),
                ('asked_at', models.DateTimeField(blank=True, null=True, verbose_name='segment asked at')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
            ],
            options={
                'verbose_name': 'invitation list',
                'verbose_name_plural': 'invitation lists',
            },
        ),
        migrations.AddField(
            model_name='programme',
            name='admission',
            field=models.CharField(choices=[('open', 'Everybody'), ('by_invitation', 'Only those who are invited')], db_default='open', default='open', max_length=13, verbose_name='who may join'),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(condition=models.Q(('admission__in', ['open', 'by_invitation'])), name='encore_programme_admission'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.customer', verbose_name='customer'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='member',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='encore_loyalty.member', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='invitationguest',
            name='invitation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='guests_in', to='encore_loyalty.invitation', verbose_name='invitation'),
        ),
        migrations.AddField(
            model_name='invitationguest',
            name='member',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_loyalty.member', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='invitationlist',
            name='programme',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitation_lists', to='encore_loyalty.programme', verbose_name='programme'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='invitation_list',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='encore_loyalty.invitationlist', verbose_name='invitation list'),
        ),
        migrations.AddConstraint(
            model_name='invitationlist',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'on', 'paused', 'ended'])), name='encore_invitation_list_state'),
        ),
        migrations.AddConstraint(
            model_name='invitationlist',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('begun_at__isnull', True), ('state', 'draft')), models.Q(models.Q(('state', 'draft'), _negated=True), ('begun_at__isnull', False)), _connector='OR'), name='encore_invitation_list_begun'),
        ),
        migrations.AddConstraint(
            model_name='invitationlist',
            constraint=models.CheckConstraint(condition=models.Q(('guests__lte', 20), ('valid_days__range', (1, 366))), name='encore_invitation_list_limits'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('sent_at__isnull', True), ('withdrawn_at__isnull', True)), fields=['id'], name='encore_invitation_waiting'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(fields=('invitation_list', 'customer'), name='encore_invitation_once'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('expires_at__isnull', True), ('sent_at__isnull', True)), models.Q(('expires_at__gt', models.F('sent_at')), ('expires_at__isnull', False), ('sent_at__isnull', False)), _connector='OR'), name='encore_invitation_expires'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('joined_at__isnull', True), ('member__isnull', True)), models.Q(('joined_at__isnull', False), ('member__isnull', False), ('sent_at__isnull', False)), _connector='OR'), name='encore_invitation_joined'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('opened_at__isnull', True), ('sent_at__isnull', False), _connector='OR'), name='encore_invitation_opened'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('withdrawn_at__isnull', True), ('member__isnull', True), _connector='OR'), name='encore_invitation_withdrawn'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('guests_joined__lte', models.F('guests'))), name='encore_invitation_guests'),
        ),
    ]
