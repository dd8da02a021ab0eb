"""Gift cards: value that is owed, its ledger that only grows, and reservations."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
import uuid
from django.db import migrations, models

from backstage.ddl import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('encore_commerce', '0005_names_of_columns'),
        ('encore_coupons', '0003_reserve_at_once'),
    ]

    operations = [
        migrations.CreateModel(
            name='GiftCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('handle', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='handle')),
                ('code_hash', models.CharField(max_length=64, verbose_name='hash of the code')),
                ('key_mark', models.CharField(max_length=8, verbose_name='mark of the key')),
                ('last_four', models.CharField(max_length=4, verbose_name='code ends with')),
                ('issue_key', models.CharField(max_length=120, verbose_name='key')),
                ('fingerprint', models.CharField(max_length=64, verbose_name='fingerprint')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('state', models.CharField(choices=[('waiting', 'Waits for approval'), ('active', 'Can be used'), ('paused', 'Paused'), ('void', 'Void')], max_length=7, verbose_name='state')),
                ('issued_minor', models.BigIntegerField(verbose_name='issued (minor units)')),
                ('balance_minor', models.BigIntegerField(default=0, verbose_name='left (minor units)')),
                ('held_minor', models.BigIntegerField(default=0, verbose_name='reserved (minor units)')),
                ('used_minor', models.BigIntegerField(default=0, verbose_name='used (minor units)')),
                ('expired_minor', models.BigIntegerField(default=0, verbose_name='expired (minor units)')),
                ('voided_minor', models.BigIntegerField(default=0, verbose_name='made void (minor units)')),
                ('time_zone', models.CharField(max_length=60, verbose_name='time zone')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='can be used until')),
                ('reprieve_ends_at', models.DateTimeField(blank=True, null=True, verbose_name='what came back, until')),
                ('channel', models.CharField(blank=True, default='', max_length=50, verbose_name='sold in channel')),
                ('reference', models.CharField(blank=True, default='', max_length=100, verbose_name='sold with order')),
                ('recipient', models.CharField(blank=True, default='', max_length=80, verbose_name='for')),
                ('message', models.CharField(blank=True, default='', max_length=300, verbose_name='message')),
                ('issued_at', models.DateTimeField(verbose_name='issued at')),
                ('buyer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.customer', verbose_name='bought by')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.customer', verbose_name='belongs to')),
            ],
            options={
                'verbose_name': 'gift card',
                'verbose_name_plural': 'gift cards',
            },
        ),
        migrations.CreateModel(
            name='GiftCardHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(max_length=50, verbose_name='channel')),
                ('reference', models.CharField(max_length=100, verbose_name='order number')),
                ('key', models.CharField(max_length=120, verbose_name='key')),
                ('amount_minor', models.BigIntegerField(verbose_name='reserved (minor units)')),
                ('state', models.CharField(choices=[('open', 'open'), ('captured', 'used'), ('voided', 'given back'), ('lapsed', 'timed out')], default='open', max_length=8, verbose_name='state')),
                ('reserved_at', models.DateTimeField(verbose_name='reserved at')),
                ('expires_at', models.DateTimeField(verbose_name='reserved until')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('card', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='encore_coupons.giftcard', verbose_name='gift card')),
            ],
            options={
                'verbose_name': 'reservation of a gift card',
                'verbose_name_plural': 'reservations of gift cards',
            },
        ),
        migrations.CreateModel(
            name='GiftCardLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=3, unique=True, verbose_name='currency')),
                ('alone_minor', models.BigIntegerField(verbose_name='alone up to (minor units)')),
            ],
            options={
                'verbose_name': 'limit of gift cards',
                'verbose_name_plural': 'limits of gift cards',
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('currency')), 3), name='encore_gift_card_limit_currency'), models.CheckConstraint(condition=models.Q(('alone_minor__gte', 0)), name='encore_gift_card_limit_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='GiftCardMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('move', models.CharField(choices=[('issue', 'issued'), ('hold', 'reserved'), ('release', 'reservation ended'), ('use', 'used'), ('refund', 'came back'), ('expire', 'expired'), ('reinstate', 'given back after its end'), ('void', 'made void')], max_length=9, verbose_name='what')),
                ('amount_minor', models.BigIntegerField(verbose_name='amount (minor units)')),
                ('channel', models.CharField(blank=True, db_default='', default='', max_length=50, verbose_name='channel')),
                ('reference', models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='order number')),
                ('key', models.CharField(blank=True, db_default='', default='', max_length=120, verbose_name='key')),
                ('fingerprint', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='fingerprint')),
                ('by_kind', models.CharField(max_length=12, verbose_name='by')),
                ('by_id', models.CharField(blank=True, default='', max_length=40, verbose_name='by id')),
                ('effective_at', models.DateTimeField(verbose_name='effective at')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded at')),
                ('card', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='encore_coupons.giftcard', verbose_name='gift card')),
                ('hold', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='encore_coupons.giftcardhold', verbose_name='reservation')),
            ],
            options={
                'verbose_name': 'movement of a gift card',
                'verbose_name_plural': 'movements of gift cards',
            },
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(fields=['last_four'], name='encore_gift_card_last_four'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(condition=models.Q(('balance_minor__gt', 0), ('expires_at__isnull', False)), fields=['expires_at'], name='encore_gift_card_due'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.UniqueConstraint(fields=('code_hash',), name='encore_gift_card_code'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.UniqueConstraint(fields=('issue_key',), name='encore_gift_card_issue_key'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('currency')), 3), name='encore_gift_card_currency'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'active', 'paused', 'void'])), name='encore_gift_card_state'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('issued_minor__gt', 0)), name='encore_gift_card_issued'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('balance_minor__gte', 0), ('held_minor__gte', 0), ('used_minor__gte', 0), ('expired_minor__gte', 0), ('voided_minor__gte', 0)), name='encore_gift_card_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('balance_minor', 0), ('expired_minor', 0), ('held_minor', 0), ('state', 'waiting'), ('used_minor', 0), ('voided_minor', 0)), models.Q(models.Q(('state', 'waiting'), _negated=True), ('issued_minor', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('balance_minor'), '+', models.F('held_minor')), '+', models.F('used_minor')), '+', models.F('expired_minor')), '+', models.F('voided_minor')))), _connector='OR'), name='encore_gift_card_conserves'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'void'), _negated=True), ('balance_minor', 0), _connector='OR'), name='encore_gift_card_void_is_empty'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('reprieve_ends_at__isnull', True), ('expires_at__isnull', False), _connector='OR'), name='encore_gift_card_reprieve_needs_end'),
        ),
        migrations.AddIndex(
            model_name='giftcardhold',
            index=models.Index(fields=['channel', 'reference'], name='encore_gift_card_hold_order'),
        ),
        migrations.AddIndex(
            model_name='giftcardhold',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['expires_at'], name='encore_gift_card_hold_stale'),
        ),
        migrations.AddConstraint(
            model_name='giftcardhold',
            constraint=models.UniqueConstraint(fields=('card', 'key'), name='encore_gift_card_hold_key'),
        ),
        migrations.AddConstraint(
            model_name='giftcardhold',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'captured', 'voided', 'lapsed'])), name='encore_gift_card_hold_state'),
        ),
        migrations.AddConstraint(
            model_name='giftcardhold',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='encore_gift_card_hold_positive'),
        ),
        migrations.AddConstraint(
            model_name='giftcardhold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='encore_gift_card_hold_closed_at'),
        ),
        migrations.AddIndex(
            model_name='giftcardmovement',
            index=models.Index(fields=['card', 'id'], name='encore_gift_card_history'),
        ),
        migrations.AddConstraint(
            model_name='giftcardmovement',
            constraint=models.UniqueConstraint(condition=models.Q(('key__gt', '')), fields=('card', 'key'), name='encore_gift_card_movement_key'),
        ),
        migrations.AddConstraint(
            model_name='giftcardmovement',
            constraint=models.CheckConstraint(condition=models.Q(('move__in', ['issue', 'hold', 'release', 'use', 'refund', 'expire', 'reinstate', 'void'])), name='encore_gift_card_movement_move'),
        ),
        migrations.AddConstraint(
            model_name='giftcardmovement',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='encore_gift_card_movement_amount'),
        ),
        AppendOnly('encore_coupons.GiftCardMovement'),
    ]
