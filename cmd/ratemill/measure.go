package main

import (
	"encoding/json"

	"ratemill/pipeline"
)

// measureCommand does a part of a night for the benchmark, which looks at the
// process from outside.
type measureCommand struct {
	nightFlags
	Work string `arg:"" help:"Part of the night." enum:"decode,aggregate,distinct"`
	Date date   `help:"Billing date." required:"" placeholder:"YYYY-MM-DD"`
}

func (m *measureCommand) Run(c *console) error {
	s, closeAll, err := m.open(c, false)
	if err != nil {
		return err
	}
	defer closeAll()
	s.Day, s.First = m.Date.Day, m.FirstNight
	sums, err := pipeline.Measure(c.ctx, s, pipeline.Work(m.Work))
	if err != nil {
		return err
	}
	return json.NewEncoder(c.stdout).Encode(sums)
}
