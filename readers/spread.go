package readers

// spread puts values where the levels say that rows have one: as many as there
// are levels of 1, the others being 0.
func spread(to, values *cells, levels []byte) {
	to.reset(len(levels))
	if values.Missing != nil || values.Bad != nil {
		spreadCells(to, values, levels)
		return
	}
	if to.kind == Text {
		values.Index = append(values.Index, Absent) // to be looked at behind the last value
		spreadIndexes(to.Index, values.Index, levels)
		return
	}
	to.missing = resized(to.missing, to.n)
	to.Missing = to.missing
	for row, level := range levels {
		to.Missing[row] = level == 0
	}
	switch {
	case to.kind == EventID && to.field.Texts:
		spreadValues(to.IDTexts, values.IDTexts, levels)
		fallthrough
	case to.kind == EventID:
		spreadValues(to.IDs, values.IDs, levels)
	default:
		values.Ints = append(values.Ints, 0)
		spreadInts(to.Ints, values.Ints, levels)
	}
}

// spreadCells is spread where some of the values are absent, too.
func spreadCells(to, values *cells, levels []byte) {
	next := 0
	for row, level := range levels {
		if level == 0 {
			to.miss(row)
			continue
		}
		to.copyCell(row, values, next)
		next++
	}
}

// spreadIndexes is without branches, which would be guessed wrong: Absent is -1,
// all ones.
func spreadIndexes(to, values []int32, levels []byte) {
	to = to[:len(levels)]
	next := 0
	for row, level := range levels {
		to[row] = values[next] | (int32(level) - 1)
		next += int(level)
	}
}

func spreadInts(to, values []int64, levels []byte) {
	to = to[:len(levels)]
	next := 0
	for row, level := range levels {
		to[row] = values[next] & -int64(level)
		next += int(level)
	}
}

func spreadValues[T any](to, values []T, levels []byte) {
	var none T
	to = to[:len(levels)]
	next := 0
	for row, level := range levels {
		if level == 0 {
			to[row] = none
			continue
		}
		to[row] = values[next]
		next++
	}
}
