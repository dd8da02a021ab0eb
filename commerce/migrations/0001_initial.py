import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=200)),
                ('conditions', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'segment',
                'verbose_name_plural': 'segments',
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('web', 'Web shop'), ('store', 'Store'), ('phone', 'Phone'), ('partner', 'Partner shop')], max_length=10)),
                ('time_zone', models.CharField(max_length=60)),
                ('currency', models.CharField(max_length=3)),
                ('country', models.CharField(blank=True, default='', max_length=2)),
                ('as_of_kind', models.CharField(choices=[('sequence', 'Number that rises with every change'), ('time', 'Time of the last change')], max_length=10)),
                ('programmes', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'channel',
                'verbose_name_plural': 'channels',
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('currency')), 3), name='encore_channel_currency'), models.CheckConstraint(condition=models.Q(('kind__in', ['web', 'store', 'phone', 'partner'])), name='encore_channel_kind'), models.CheckConstraint(condition=models.Q(('as_of_kind__in', ['sequence', 'time'])), name='encore_channel_as_of_kind')],
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, default='', max_length=200)),
                ('language', models.CharField(blank=True, default='', max_length=10)),
                ('birth_date', models.DateField(blank=True, null=True)),
                ('place', models.CharField(blank=True, default='', max_length=200)),
                ('country', models.CharField(blank=True, default='', max_length=2)),
                ('attributes', models.JSONField(blank=True, default=dict)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('merged_at', models.DateTimeField(blank=True, null=True)),
                ('erased_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='encore_commerce.customer')),
                ('user', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'customer',
                'verbose_name_plural': 'customers',
            },
        ),
        migrations.CreateModel(
            name='Identity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('external_id', 'External id'), ('member_number', 'Member number'), ('card_token', 'Card token'), ('email', 'E-mail address'), ('phone', 'Phone number')], max_length=20)),
                ('scope', models.CharField(blank=True, default='', max_length=50)),
                ('value', models.CharField(max_length=320)),
                ('verified_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='identities', to='encore_commerce.customer')),
            ],
            options={
                'verbose_name': 'identity',
                'verbose_name_plural': 'identities',
            },
        ),
        migrations.CreateModel(
            name='PossibleDuplicate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=30)),
                ('evidence', models.JSONField(default=dict)),
                ('found_at', models.DateTimeField()),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, default='', max_length=20)),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.customer')),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.customer')),
            ],
            options={
                'verbose_name': 'possible duplicate',
                'verbose_name_plural': 'possible duplicates',
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku', models.CharField(max_length=100, unique=True)),
                ('name', models.CharField(max_length=300)),
                ('brand', models.CharField(blank=True, default='', max_length=200)),
                ('category_path', models.CharField(blank=True, default='', max_length=500)),
                ('price_minor', models.BigIntegerField(blank=True, null=True)),
                ('currency', models.CharField(max_length=3)),
                ('cost_minor', models.BigIntegerField(blank=True, null=True)),
                ('stock', models.IntegerField(blank=True, null=True)),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('currency')), 3), name='encore_product_currency'), models.CheckConstraint(condition=models.Q(('price_minor__gte', 0), ('cost_minor__gte', 0)), name='encore_product_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Purchase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=100)),
                ('customer_as_of', models.BigIntegerField(blank=True, null=True)),
                ('currency', models.CharField(max_length=3)),
                ('placed_at', models.DateTimeField()),
                ('paid_at', models.DateTimeField(blank=True, null=True)),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('status', models.CharField(choices=[('placed', 'Placed'), ('paid', 'Paid'), ('fulfilled', 'Fulfilled'), ('cancelled', 'Cancelled')], max_length=10)),
                ('as_of', models.BigIntegerField()),
                ('fingerprint', models.CharField(max_length=64)),
                ('revision', models.IntegerField()),
                ('refunded_minor', models.BigIntegerField(default=0)),
                ('codes', models.JSONField(blank=True, default=list)),
                ('changed_at', models.DateTimeField()),
                ('first_synced_at', models.DateTimeField()),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='encore_commerce.channel')),
                ('customer', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='encore_commerce.customer')),
            ],
            options={
                'verbose_name': 'purchase',
                'verbose_name_plural': 'purchases',
            },
        ),
        migrations.CreateModel(
            name='PurchaseLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100)),
                ('sku', models.CharField(blank=True, default='', max_length=100)),
                ('name', models.CharField(blank=True, default='', max_length=300)),
                ('brand', models.CharField(blank=True, default='', max_length=200)),
                ('category_path', models.CharField(blank=True, default='', max_length=500)),
                ('quantity', models.DecimalField(decimal_places=3, max_digits=12)),
                ('sold_minor', models.BigIntegerField()),
                ('tax_minor', models.BigIntegerField(default=0)),
                ('discount_minor', models.BigIntegerField(default=0)),
                ('cost_minor', models.BigIntegerField(blank=True, null=True)),
                ('returned_quantity', models.DecimalField(decimal_places=3, default=0, max_digits=12)),
                ('returned_minor', models.BigIntegerField(blank=True, null=True)),
                ('returned_at', models.DateTimeField(blank=True, null=True)),
                ('is_goods', models.BooleanField(default=True)),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='encore_commerce.purchase')),
            ],
            options={
                'verbose_name': 'purchase line',
                'verbose_name_plural': 'purchase lines',
            },
        ),
        migrations.CreateModel(
            name='PurchaseProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(max_length=50)),
                ('reference', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=30)),
                ('detail', models.JSONField(default=dict)),
                ('fingerprint', models.CharField(max_length=64, unique=True)),
                ('found_at', models.DateTimeField()),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('purchase', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='problems', to='encore_commerce.purchase')),
            ],
            options={
                'verbose_name': 'purchase problem',
                'verbose_name_plural': 'purchase problems',
            },
        ),
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line_key', models.CharField(blank=True, default='', max_length=100)),
                ('quantity', models.DecimalField(decimal_places=3, default=0, max_digits=12)),
                ('amount_minor', models.BigIntegerField()),
                ('returned_at', models.DateTimeField()),
                ('revision', models.IntegerField()),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='encore_commerce.purchase')),
            ],
            options={
                'verbose_name': 'return',
                'verbose_name_plural': 'returns',
            },
        ),
        migrations.CreateModel(
            name='Tender',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('money', 'Money'), ('points', 'Points'), ('gift_card', 'Gift card')], max_length=10)),
                ('amount_minor', models.BigIntegerField()),
                ('reference', models.CharField(blank=True, default='', max_length=100)),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tenders', to='encore_commerce.purchase')),
            ],
            options={
                'verbose_name': 'tender',
                'verbose_name_plural': 'tenders',
            },
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='encore_customer_merged_into_another'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('merged_at__isnull', True), ('merged_into__isnull', True)), models.Q(('merged_at__isnull', False), ('merged_into__isnull', False)), _connector='OR'), name='encore_customer_merged_at_paired'),
        ),
        migrations.AddIndex(
            model_name='identity',
            index=models.Index(fields=['value', 'kind', 'scope'], name='encore_identity_value'),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.UniqueConstraint(condition=models.Q(('verified_at__isnull', False)), fields=('kind', 'scope', 'value'), name='encore_identity_one_owner_when_verified'),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.UniqueConstraint(fields=('customer', 'kind', 'scope', 'value'), name='encore_identity_once_per_customer'),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['external_id', 'member_number', 'card_token', 'email', 'phone'])), name='encore_identity_kind'),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.CheckConstraint(condition=models.Q(('value', ''), _negated=True), name='encore_identity_value_not_empty'),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['card_token', 'external_id']), models.Q(('scope', ''), _negated=True)), models.Q(models.Q(('kind__in', ['card_token', 'external_id']), _negated=True), ('scope', '')), _connector='OR'), name='encore_identity_scope_fits_kind'),
        ),
        migrations.AddConstraint(
            model_name='possibleduplicate',
            constraint=models.UniqueConstraint(fields=('customer', 'other', 'reason'), name='encore_duplicate_once'),
        ),
        migrations.AddConstraint(
            model_name='possibleduplicate',
            constraint=models.CheckConstraint(condition=models.Q(('customer__lt', models.F('other'))), name='encore_duplicate_lower_id_first'),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['customer', 'placed_at'], name='encore_purchase_customer'),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['placed_at'], name='encore_purchase_placed'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.UniqueConstraint(fields=('channel', 'reference'), name='encore_purchase_reference'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('currency')), 3), name='encore_purchase_currency'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('as_of__gte', 0), ('refunded_minor__gte', 0)), name='encore_purchase_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('revision__gte', 1)), name='encore_purchase_revision'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['placed', 'paid', 'fulfilled', 'cancelled'])), name='encore_purchase_status'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.UniqueConstraint(fields=('purchase', 'key'), name='encore_line_key'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 0), ('sold_minor__gte', 0), ('tax_minor__gte', 0), ('discount_minor__gte', 0), ('cost_minor__gte', 0), ('returned_quantity__gte', 0), ('returned_minor__gte', 0)), name='encore_line_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.CheckConstraint(condition=models.Q(('returned_quantity__lte', models.F('quantity'))), name='encore_line_returned_quantity'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.CheckConstraint(condition=models.Q(('returned_minor__isnull', True), ('returned_minor__lte', models.F('sold_minor')), _connector='OR'), name='encore_line_returned_minor'),
        ),
        migrations.AddIndex(
            model_name='purchaseproblem',
            index=models.Index(condition=models.Q(('resolved_at__isnull', True)), fields=['channel', 'reference'], name='encore_problem_open'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.UniqueConstraint(fields=('purchase', 'line_key', 'revision'), name='encore_return_once_per_revision'),
        ),
        migrations.AddConstraint(
            model_name='tender',
            constraint=models.UniqueConstraint(fields=('purchase', 'kind', 'reference'), name='encore_tender_once'),
        ),
        migrations.AddConstraint(
            model_name='tender',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0)), name='encore_tender_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='tender',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['money', 'points', 'gift_card'])), name='encore_tender_kind'),
        ),
    ]
