package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// metricsFlags say who is told of a run in figures.
type metricsFlags struct {
	MetricsFile string `help:"File to write metrics to, for the node exporter's textfile collector." env:"RATEMILL_METRICS_FILE" placeholder:"FILE"`
	Pushgateway string `help:"Prometheus Pushgateway to push metrics to." env:"RATEMILL_PUSHGATEWAY" placeholder:"URL"`
	MetricsJob  string `help:"Job under which the Pushgateway keeps the metrics." env:"RATEMILL_METRICS_JOB" default:"ratemill" placeholder:"ratemill"`
}

// metrics is what a command tells Prometheus once it has ended, however it
// ended. What it does not know (the rows of a night, where there was none)
// keeps the value that an earlier run told.
type metrics struct {
	metricsFlags
	began     time.Time
	zone      calendar.Zone
	watch     *watch
	published calendar.Day     // the last one that is, as far as is known; none: not known
	nights    int              // published by the command
	last      *pipeline.Result // of these; nil: none

	rerates bool                   // the command is a rerate
	rerate  *pipeline.RerateResult // nil: it failed
}

// pushTime is how long the Pushgateway may take. A night waits no longer for it.
const pushTime = 10 * time.Second

// head takes down up to which day history reaches.
func (m *metrics) head(day calendar.Day) {
	if m != nil {
		m.published = max(m.published, day)
	}
}

// night takes down a night that is published.
func (m *metrics) night(r *pipeline.Result) {
	if m == nil {
		return
	}
	m.head(r.Entry.Billed())
	if r.Status != pipeline.Already {
		m.nights++
		m.last = r
	}
}

// write tells the file and the Pushgateway. Where that fails the log says so:
// no night fails for it.
func (m *metrics) write(c *console) {
	if m.MetricsFile == "" && m.Pushgateway == "" {
		return
	}
	registry := m.registry(c)
	if m.MetricsFile != "" {
		if err := prometheus.WriteToTextfile(m.MetricsFile, m.keeping(c, registry)); err != nil {
			c.log().Warn("metrics not written", "file", m.MetricsFile, "error", err)
		}
	}
	if m.Pushgateway != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), pushTime)
		defer cancel()
		// Add, not Push: families that are not told stay.
		if err := push.New(m.Pushgateway, m.MetricsJob).Gatherer(registry).AddContext(ctx); err != nil {
			c.log().Warn("metrics not pushed", "error", err)
		}
	}
}

// keeping gathers a registry, and of the file that is there what the registry
// does not have: the Pushgateway keeps it likewise.
func (m *metrics) keeping(c *console, registry *prometheus.Registry) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := registry.Gather()
		if err != nil {
			return nil, err
		}
		told := map[string]bool{}
		for _, f := range families {
			told[f.GetName()] = true
		}
		for name, f := range m.before(c) {
			if !told[name] && strings.HasPrefix(name, "ratemill_") {
				families = append(families, f)
			}
		}
		slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
		return families, nil
	})
}

// before is what the file says so far.
func (m *metrics) before(c *console) map[string]*dto.MetricFamily {
	file, err := os.Open(m.MetricsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var families map[string]*dto.MetricFamily
	if err == nil {
		defer file.Close()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err = parser.TextToMetricFamilies(file)
	}
	if err != nil {
		c.log().Warn("earlier metrics not read", "file", m.MetricsFile, "error", err)
		return nil
	}
	return families
}

// gauges makes gauges in a registry.
type gauges struct{ *prometheus.Registry }

func (g gauges) set(name, help string, value float64) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ratemill_" + name, Help: help})
	gauge.Set(value)
	g.MustRegister(gauge)
}

// series is a gauge of several label values.
type series struct {
	vec    *prometheus.GaugeVec
	labels int
	some   bool
}

func (g gauges) series(name, help string, labels ...string) *series {
	s := &series{prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ratemill_" + name, Help: help}, labels), len(labels), false}
	g.MustRegister(s.vec)
	return s
}

func (s *series) add(value float64, labels ...string) {
	s.vec.WithLabelValues(labels...).Add(value)
	s.some = true
}

// money is a float64 as Prometheus has no other number. Nothing is computed
// with it here.
func (s *series) money(value decimal.Decimal, labels ...string) {
	nearest, _ := value.Rat().Float64()
	s.add(nearest, labels...)
}

// end gives a series that has no value a zero without labels: else what an
// earlier run told would stay.
func (s *series) end() {
	if !s.some {
		s.vec.WithLabelValues(make([]string, s.labels)...).Set(0)
	}
}

// registry is all that the run knows.
func (m *metrics) registry(c *console) *prometheus.Registry {
	g := gauges{prometheus.NewRegistry()}
	if m.rerates {
		m.ofRerate(g, c)
		return g.Registry
	}
	now := c.now()
	g.set("exit_code", "Exit code of the last run: see docs/operating.md.", float64(c.code))
	g.set("run_timestamp_seconds", "When the last run ended.", seconds(now))
	g.set("run_duration_seconds", "How long the last run took.", now.Sub(m.began).Seconds())
	g.set("run_nights_published", "Nights that the last run published.", float64(m.nights))
	if m.published != calendar.None {
		ended := m.zone.Midnight(m.published + 1)
		g.set("last_published_night_timestamp_seconds", "The midnight that ended the last published night.", seconds(time.UnixMicro(ended)))
		waiting := m.zone.DayOf(now.UnixMicro()) - 1 - m.published
		g.set("unpublished_nights", "Nights that had ended by the last run and are not published.", float64(max(0, waiting)))
	}
	if m.last != nil {
		m.ofNight(g)
	}
	return g.Registry
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// ofNight is what the last night that the run published was.
func (m *metrics) ofNight(g gauges) {
	run := m.last.Entry.Run
	g.set("night_entry", "Entry of the last night that a run published.", float64(run.Entry))
	g.set("night_changed_inputs", "Exports that have changed since they were billed.", float64(len(run.ChangedInputs)))
	g.set("night_unexpected_inputs", "Exports that are otherwise than ratemill.yaml expects.", float64(len(run.Unexpected)))
	g.set("night_documents", "Invoices and notes of the night.", float64(rowsOf(run, writers.InvoicesTable)))
	g.set("parked_accounts", "Accounts that could not be billed.", float64(rowsOf(run, writers.ParkedAccountsTable)))
	rowSeries(g, &run.Totals)
	moneySeries(g, &run.Totals)
	if m.last.Measures != nil {
		measured(g, m.last.Measures)
	}
	phases := g.series("phase_seconds", "Seconds that a phase of the night took.", "phase")
	for phase, took := range m.watch.seconds {
		phases.add(took.Seconds(), string(phase))
	}
	phases.end()
}

func rowsOf(run *writers.Run, table writers.Spec) (rows int64) {
	for _, f := range run.Outputs {
		if strings.HasPrefix(f.Key, table.Name+"/") {
			rows += f.Rows
		}
	}
	return rows
}

// rowSeries are rows by where they came from and where they ended.
func rowSeries(g gauges, t *writers.Totals) {
	read := g.series("night_rows_read", "Rows of the night's exports.", "source")
	takenUp := g.series("night_rows_taken_up", "Rows that earlier nights had put aside.", "source")
	ends := g.series("night_rows", "Rows read and taken up, by where they ended.", "source", "end")
	for _, f := range t.Files {
		read.add(float64(f.Read), f.Source)
		ends.add(float64(f.Duplicate), f.Source, "duplicate")
		ends.add(float64(f.Rejected), f.Source, "rejected")
		ends.add(float64(f.NotDue), f.Source, "put_aside")
	}
	for _, s := range t.Sources {
		takenUp.add(float64(s.TakenUp+s.Recycled), s.Source)
		ends.add(float64(s.Rated), s.Source, "rated")
		ends.add(float64(s.Rejected+s.WrittenOff), s.Source, "rejected")
		ends.add(float64(s.PutAside), s.Source, "put_aside")
		for _, r := range s.NotBillable {
			ends.add(float64(r.Rows), s.Source, "not_billable")
		}
	}
	read.end()
	takenUp.end()
	ends.end()
}

// moneySeries are the money of the control totals, in major units.
func moneySeries(g gauges, t *writers.Totals) {
	money := g.series("night_money", "Control totals of the night, in the currency's major unit.", "figure", "currency")
	for _, m := range t.Money {
		for figure, amount := range map[string]decimal.Decimal{
			"lines": m.Lines, "invoices": m.Invoices, "credits_applied": m.CreditsApplied, "amount_due": m.AmountDue, "first_attempt_charges": m.FirstAttemptCharges,
			"retried_charges": m.RetriedCharges, "credit_notes": m.CreditNotes, "refunds": m.Refunds,
		} {
			money.money(amount, figure, m.Currency)
		}
		for _, u := range m.Uncollectable {
			money.money(u.Amount, "uncollectable", m.Currency)
		}
	}
	money.end()
	closing := g.series("balance_closing", "What all accounts have of a balance, in the currency's major unit or in its unit.", "balance", "currency", "unit")
	for _, b := range t.Balances {
		closing.money(b.Closing, b.Balance, b.Currency, b.Unit)
	}
	closing.end()
}

// measured are sums that the control totals do not have.
func measured(g gauges, m *pipeline.Measures) {
	lines := g.series("night_line_money", "Invoice lines of the night by kind, in the currency's major unit.", "kind", "currency")
	for _, l := range m.Lines {
		lines.money(l.Amount, l.Kind, l.Currency)
	}
	lines.end()
	rejects := g.series("night_rejected_rows", "Rows in table rejects.", "reason", "status")
	for _, r := range m.Rejects {
		rejects.add(float64(r.Rows), r.Reason, r.Status)
	}
	rejects.end()
}
