package cli

import (
	"fmt"
	"time"
)

// si writes a count with a metric letter: 305.2M.
func si(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.size {
			return fmt.Sprintf("%.4g%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.4g", v)
}

// bytesText writes a size in binary units: 1.5 GiB.
func bytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20)
}

// durationText writes seconds as people say them: 1h23m, 45s, 12d.
func durationText(seconds float64) string {
	switch {
	case seconds >= 365*86400:
		return fmt.Sprintf("%.3g years", seconds/(365.25*86400))
	case seconds >= 3*86400:
		return fmt.Sprintf("%.3gd", seconds/86400)
	case seconds >= 3600:
		return fmt.Sprintf("%dh%02dm", int(seconds)/3600, int(seconds)%3600/60)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
