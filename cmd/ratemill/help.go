package main

// What the --help of commands says below their first line: when one wants the
// command, by example. Commands with more to say have their Help beside them.

func (*runCommand) Help() string {
	return `Reads the exports of a billing date and what came late, rates them, and publishes invoices, charge files and the state that the next night starts from: whole, or not at all. A night that is published already is left as it is. A run that was cut off is simply run again.

  ratemill run --exports exports --output out --catalog catalog.yaml --date 2024-05-01 --first-night    once, to begin
  ratemill run                                        from cron, with ratemill.yaml: every night up to the last midnight
  ratemill run --date 2024-05-02 --dry-run            what the night would read, and nothing else

Exit codes: 0 done or nothing to do, 3 published but somebody must look, 4 the day is published from other inputs, 5 control totals broken, 6 input unusable, 64 wrong usage, config or catalog, 75 temporary, 1 anything else. With 5, 6, 64 and 75 nothing is published.`
}

func (*backfillCommand) Help() string {
	return `Bills one night after the other, a line each, and stops at the first that fails. Nights that are published are read again and proven, so the same command goes on where one stopped.

  ratemill backfill --from 2024-05-01 --to 2024-05-31 --first-night
  ratemill backfill --from 2024-05-01 --to 2024-05-31 --parallel-scan

Exit codes are those of ratemill run: that of the night that failed, or 3 where one of them needs a look.`
}

func (*gcCommand) Help() string {
	return `A run that is killed leaves staged files under _staging/, and uploads in parts. Nothing of it is part of the history; what a run still needs to finish is kept.

  ratemill gc --output out --dry-run
  ratemill gc --output out --older-than 72h

What is younger than 24 hours stays, unless --older-than says otherwise: a run that takes longer wants a greater one. In S3 it needs rights of its own (docs/s3.md).

Exit codes: 0 done or nothing to remove, 64 wrong usage, or the store refuses, 75 temporary: run it again, 1 anything else.`
}

func (*catalogCommand) Help() string {
	return `A catalog is a YAML file of plans, prices and rules; docs/catalog.md is its manual.

  ratemill catalog check catalog.yaml
  ratemill catalog show catalog.yaml
  ratemill catalog schema > catalog.schema.json`
}

func (*checkCommand) Help() string {
	return `Finds what a night would refuse: unknown names, prices that are missing or tie, columns that no source has. Do it before a changed catalog is used, in review or in CI. With ratemill.yaml the sources that it declares are known.

  ratemill catalog check catalog.yaml
  ratemill catalog check s3://acme-config/catalog.yaml?region=us-east-1

Exit codes: 0 the catalog is fine, 64 it is not, 75 it cannot be fetched now.`
}

func (*showCommand) Help() string {
	return `Prints every value that holds, also those that the file leaves to their defaults. Two catalogs that print alike bill alike:

  diff <(ratemill catalog show old.yaml) <(ratemill catalog show new.yaml)`
}

func (*catalogSchemaCommand) Help() string {
	return `An editor with the YAML language server completes and checks catalogs with it:

  ratemill catalog schema > catalog.schema.json
  # yaml-language-server: $schema=catalog.schema.json      as the first line of the catalog`
}

func (*configCommand) Help() string {
	return `  ratemill config check                    ./ratemill.yaml, or the file that --config names
  ratemill config check billing.yaml
  ratemill config schema > ratemill.schema.json`
}

func (*checkConfigCommand) Help() string {
	return `Reads no export: whether the files fit what it says is what ratemill sources check tells.

  ratemill config check
  ratemill config check billing.yaml

Exit codes: 0 the file is fine, 64 it is not.`
}

func (*schemaCommand) Help() string {
	return `An editor with the YAML language server completes and checks settings with it:

  ratemill config schema > ratemill.schema.json
  # yaml-language-server: $schema=ratemill.schema.json     as the first line of ratemill.yaml`
}

func (*checkSourcesCommand) Help() string {
	return `Shows what ratemill makes of your exports before a night does: of each source the latest file, its columns, the first rows as they would be billed, and which would be rejected and why. It writes nothing.

  ratemill sources check --exports exports
  ratemill sources check --date 2024-05-01 --rows 100
  ratemill sources check --source sms --file sms/date=2024-05-01/out.csv

Exit codes: 0 every file can be used, 6 one cannot, 64 wrong usage or config.`
}

func (*generateCommand) Help() string {
	return `Invents a company on fixtures/catalogs/marketing.yaml: sign-ups, usage, contacts, users, payments that fail, refunds, and rows that come late, twice or wrong. The same settings write the same bytes.

  ratemill generate --exports exports
  ratemill generate --exports exports --from 2024-05-01 --to 2024-05-31 --accounts 50 --rows 10000 --format csv`
}

func (*importPricesCommand) Help() string {
	return `Prices are taken digit for digit. Rows that cannot be told apart, or have no price, are an error with their number; --where chooses rows, --per divides.

  ratemill catalog import-prices sheet.csv --table sms_prices --rule MK-9 --constant direction=outbound --match country=iso2 --each price_usd_per_sms --default 0.06`
}
