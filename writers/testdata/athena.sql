CREATE EXTERNAL TABLE `rated_usage` (
  `account_id` string,
  `meter` string,
  `source` string,
  `service_date` date,
  `due_on` date,
  `late` boolean,
  `rows` bigint,
  `quantity` decimal(38,18),
  `unit_price` decimal(38,18),
  `amount` decimal(38,18),
  `currency` string,
  `rule` string,
  `description` string,
  `carrier` string,
  `country` string
)
COMMENT 'One row per account, meter, source, service date, price and dimensions: usage with its price, before it is rounded into invoice lines.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/rated_usage/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/rated_usage/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `invoice_lines` (
  `invoice_id` string,
  `line_no` int,
  `account_id` string,
  `kind` string,
  `description` string,
  `rule` string,
  `meter` string,
  `quantity` decimal(38,18),
  `unit_price` decimal(38,18),
  `part_n` bigint,
  `part_d` bigint,
  `amount` decimal(18,4),
  `currency` string,
  `period_start` date,
  `period_end` date,
  `service_date` date,
  `late` boolean,
  `calculation` string,
  `catalog_line` int,
  `corrects_invoice_id` string,
  `corrects_line_no` int
)
COMMENT 'One row per line of an invoice, a credit note or a debit note.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/invoice_lines/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/invoice_lines/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `invoices` (
  `invoice_id` string,
  `number` string,
  `account_id` string,
  `kind` string,
  `plan` string,
  `lines` int,
  `subtotal` decimal(18,4),
  `discounts` decimal(18,4),
  `tax` decimal(18,4),
  `total` decimal(18,4),
  `credits_applied` decimal(18,4),
  `amount_due` decimal(18,4),
  `currency` string,
  `issued_on` date,
  `customer_name` string,
  `address_line_1` string,
  `address_line_2` string,
  `postal_code` string,
  `city` string,
  `region` string,
  `country` string,
  `tax_id` string,
  `language` string,
  `test` boolean
)
COMMENT 'One row per document: invoice, credit note or debit note.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/invoices/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/invoices/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `charges` (
  `charge_id` string,
  `invoice_id` string,
  `account_id` string,
  `amount` decimal(18,4),
  `currency` string,
  `method` string,
  `attempt` int,
  `collect_on` date
)
COMMENT 'One row per payment to collect; the charge files hold the same rows.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/charges/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/charges/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `refunds` (
  `refund_id` string,
  `credit_note_id` string,
  `charge_id` string,
  `account_id` string,
  `amount` decimal(18,4),
  `currency` string,
  `method` string
)
COMMENT 'One row per amount to give back on a charge; the refund files hold the same rows.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/refunds/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/refunds/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `balances` (
  `account_id` string,
  `balance` string,
  `currency` string,
  `unit` string,
  `opening` decimal(18,4),
  `added` decimal(18,4),
  `used` decimal(18,4),
  `lapsed` decimal(18,4),
  `closing` decimal(18,4)
)
COMMENT 'One row per account and balance: what the night did to it.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/balances/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/balances/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `plan_changes` (
  `account_id` string,
  `seq` int,
  `from_plan` string,
  `to_plan` string,
  `cause` string,
  `rule` string,
  `effective_on` date,
  `price_from` date,
  `needs_rerate` boolean,
  `detail` string
)
COMMENT 'One row per step of an account from one plan to another, and per event that changes how it is billed.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/plan_changes/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/plan_changes/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `payment_history` (
  `charge_id` string,
  `invoice_id` string,
  `invoiced_on` date,
  `account_id` string,
  `attempt` int,
  `amount` decimal(18,4),
  `currency` string,
  `method` string,
  `status` string,
  `reason` string,
  `reference` string,
  `occurred_on` date,
  `next_attempt_on` date
)
COMMENT 'One row per attempt to collect and per result of one, in the night that learnt of it.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/payment_history/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/payment_history/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `failed_payments` (
  `charge_id` string,
  `invoice_id` string,
  `invoiced_on` date,
  `account_id` string,
  `attempt` int,
  `amount` decimal(18,4),
  `currency` string,
  `method` string,
  `status` string,
  `reason` string,
  `reference` string,
  `occurred_on` date,
  `next_attempt_on` date
)
COMMENT 'One row per amount that did not go through, or could not be charged, and is still open at the end of the night, with its last attempt; each night lists all of them anew.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/failed_payments/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/failed_payments/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `rejects` (
  `source` string,
  `file` string,
  `row` bigint,
  `rows` bigint,
  `account_id` string,
  `reason` string,
  `detail` string,
  `retryable` boolean,
  `first_seen` date,
  `status` string
)
COMMENT 'One row per row of an export, or group of rows, that was not billed for a reason: on the night that refused it first, and again where it is recycled or written off; in between it stands in held alone.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/rejects/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/rejects/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `parked_accounts` (
  `account_id` string,
  `reason` string,
  `since` date,
  `rows_held` bigint
)
COMMENT 'One row per account that could not be billed.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/parked_accounts/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/parked_accounts/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `state` (
  `account_id` string,
  `signed_up_on` date,
  `trial_ends_on` date,
  `closed_on` date,
  `billed_through` date,
  `plan` string,
  `term` string,
  `plan_since` date,
  `pending_plan` string,
  `pending_term` string,
  `method` string,
  `method_since` date,
  `channel` string,
  `currency` string,
  `anchor_day` int,
  `period_start` date,
  `next_billing_on` date,
  `base_due_on` date,
  `first_charge_on` date,
  `first_purchase_on` date,
  `billing_date_moved` boolean,
  `segments` array<struct<`from`:date,`period_start`:date,`period_end`:date,`plan`:string>>,
  `counters` array<struct<`meter`:string,`from`:date,`used`:decimal(38,18),`packages`:bigint,`raised`:bigint>>,
  `levels` array<struct<`meter`:string,`as_of`:date,`value`:bigint>>,
  `active_users` array<string>,
  `add_ons` array<struct<`name`:string,`price`:decimal(38,18),`quantity`:bigint,`left`:decimal(18,4)>>,
  `balances` array<struct<`name`:string,`unit`:string,`amount`:decimal(18,4)>>,
  `grants` array<struct<`balance`:string,`unit`:string,`left`:decimal(18,4),`from`:date,`granted_on`:date,`last_day`:date>>,
  `given` array<struct<`name`:string,`unit`:string,`amount`:decimal(18,4)>>,
  `base_fee` array<struct<`plan`:string,`description`:string,`rule`:string,`catalog_line`:int,`times`:decimal(38,18),`price`:decimal(38,18),`from`:date,`since`:date,`left`:decimal(18,4)>>,
  `unused_time` array<struct<`rule`:string,`description`:string,`amount`:decimal(18,4),`period_start`:date,`period_end`:date>>,
  `waiting` array<struct<`kind`:string,`of`:string,`tax_category`:string,`rule`:string,`description`:string,`meter`:string,`quantity`:decimal(38,18),`unit_price`:decimal(38,18),`part`:bigint,`whole`:bigint,`amount`:decimal(18,4),`period_start`:date,`period_end`:date,`late`:boolean,`calculation`:string,`catalog_line`:int>>,
  `due_usage` array<struct<`due_on`:date,`meter`:string,`service_date`:date,`late`:boolean,`rule`:string,`description`:string,`unit_price`:decimal(38,18),`catalog_line`:int,`quantity`:decimal(38,18),`per`:string,`rows`:bigint,`exact`:decimal(38,18)>>,
  `tallies` array<struct<`meter`:string,`from`:date,`version`:date,`per`:string,`unit_price`:decimal(38,18),`to`:date,`start`:decimal(38,18),`used`:decimal(38,18),`rows`:bigint,`last_at`:timestamp,`free`:decimal(38,18),`exact`:decimal(38,18),`ended`:boolean,`charged_used`:decimal(38,18),`charged_rows`:bigint,`charged_exact`:decimal(38,18),`charged_amount`:decimal(18,4),`charged_adjusted`:decimal(18,4),`initial`:decimal(38,18),`change`:decimal(38,18),`moment`:string,`keys`:array<binary>,`switches`:array<struct<`at`:timestamp,`event_key`:binary,`key`:binary,`on`:boolean>>>>,
  `customer` array<struct<`as_of`:date,`name`:string,`address_line_1`:string,`address_line_2`:string,`postal_code`:string,`city`:string,`region`:string,`country`:string,`tax_id`:string,`tax_exempt`:boolean,`language`:string,`test`:boolean>>,
  `commitments` array<struct<`from`:date,`charged`:decimal(18,4),`adjusted`:decimal(18,4)>>,
  `discounts` array<struct<`name`:string,`begun`:boolean,`left`:int,`used`:decimal(18,4)>>,
  `flags` array<string>,
  `offers` array<string>,
  `suspensions` array<struct<`from`:date,`until`:date>>,
  `subscriptions` array<struct<`name`:string,`quantity`:bigint>>,
  `free_units` array<struct<`service`:string,`used`:bigint>>,
  `collections` array<struct<`invoice_id`:string,`invoiced_on`:date,`amount`:decimal(18,4),`attempt`:int,`method`:string,`status`:string,`attempted_on`:date,`first_failed_on`:date,`retries`:int,`next_attempt_on`:date,`reason`:string,`paid_by`:string,`first_unmade`:boolean>>,
  `refundable` array<struct<`invoice_id`:string,`charge_id`:string,`method`:string,`kind`:string,`rule`:string,`description`:string,`period_start`:date,`period_end`:date,`amount`:decimal(18,4)>>
)
COMMENT 'One row per account: all that the next night needs of it.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/state/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/state/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `held` (
  `account_id` string,
  `source` string,
  `event_key` string,
  `event_id` string,
  `payload` string,
  `occurred_at` timestamp,
  `service_date` date,
  `rows` bigint,
  `file` string,
  `row` bigint,
  `reason` string,
  `first_seen` date,
  `billing_day` date
)
COMMENT 'One row per row of an export, or group of rows, that waits whole for a later night.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/held/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/held/billing_date=${billing_date}'
);

CREATE EXTERNAL TABLE `event_ids` (
  `source` string,
  `service_date` date,
  `event_key` binary,
  `digest` bigint
)
COMMENT 'One row per event id that is taken, as far back as duplicates are looked for.'
PARTITIONED BY (`billing_date` date)
STORED AS PARQUET
LOCATION 's3://acme-billing/history/event_ids/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.billing_date.type' = 'date',
  'projection.billing_date.format' = 'yyyy-MM-dd',
  'projection.billing_date.range' = '2024-05-01,NOW',
  'projection.billing_date.interval' = '1',
  'projection.billing_date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://acme-billing/history/event_ids/billing_date=${billing_date}'
);
