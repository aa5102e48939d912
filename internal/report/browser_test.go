package report

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// browsers are the names under which Chromium is installed.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// seen is what a browser made of the page at one width.
type seen struct {
	Width, ScrollWidth int
	Figures, Drawn     int
	SmallestText       float64 // of drawings, CSS pixels
	LowestContrast     float64 // of text against the page's ground
	Ground             string
	Shown              int // characters of visible text
}

// lens shows the page in a frame and writes down what it finds. The frame has the
// page's own policy, so the script is the test's and not the page's.
const lens = `<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="f" style="border:0;height:900px;width:WIDTHpx" srcdoc="PAGE"></iframe><pre id="out"></pre><script>
const f = document.getElementById("f");
f.onload = () => {
  const d = f.contentDocument, w = f.contentWindow, root = d.documentElement;
  const texts = [...d.querySelectorAll("figure svg[role=img] text")];
  const light = c => { const m = c.match(/[\d.]+/g).slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * m[0] + 0.7152 * m[1] + 0.0722 * m[2]; };
  const ground = w.getComputedStyle(d.body).backgroundColor;
  const contrast = c => { const a = light(c), b = light(ground); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
  const colors = [w.getComputedStyle(d.body).color, ...[...d.querySelectorAll(".soft")].map(e => w.getComputedStyle(e).color), ...texts.map(e => w.getComputedStyle(e).fill)];
  document.getElementById("out").textContent = JSON.stringify({
    Width: root.clientWidth, ScrollWidth: root.scrollWidth,
    Figures: d.querySelectorAll(".figures > figure").length,
    Drawn: [...d.querySelectorAll(".figures > figure")].filter(f => { const all = [...f.querySelectorAll("svg[role=img]")]; return all.length && all.every(s => s.getBoundingClientRect().height > 60 && s.querySelector("path")); }).length,
    SmallestText: Math.min(...texts.map(e => parseFloat(w.getComputedStyle(e).fontSize) * Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b))),
    LowestContrast: Math.min(...colors.map(contrast)),
    Ground: ground, Shown: d.body.innerText.length});
};
</script>`

// show renders the page at a width, dark or light.
func show(t *testing.T, browser, page string, width int, dark bool) seen {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "probe.html")
	text := regexp.MustCompile("WIDTH").ReplaceAllLiteralString(lens, strconv.Itoa(width))
	text = regexp.MustCompile("PAGE").ReplaceAllLiteralString(text, html.EscapeString(page))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	scheme := "1"
	if dark {
		scheme = "0"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--blink-settings=preferredColorScheme="+scheme, "--window-size=1400,1000", "--virtual-time-budget=10000", "--dump-dom", "file://"+file).Output()
	m := regexp.MustCompile(`(?s)<pre id="out">(\{.*?\})</pre>`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("%s showed nothing: %v", browser, err)
	}
	var s seen
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A real browser draws every figure, needs no sideways scrolling on a phone, keeps
// the text of drawings readable, and turns dark when asked.
func TestBrowser(t *testing.T) {
	browser := ""
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no browser: Chromium is not installed, so the page was not looked at")
	}
	r, page := madeReport(t)
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"phone", 360, false}, {"desktop", 1280, false}, {"phone, dark", 360, true}} {
		t.Run(c.name, func(t *testing.T) {
			s := show(t, browser, page, c.width, c.dark)
			if s.ScrollWidth > s.Width {
				t.Errorf("the page is %d pixels wide in a window of %d", s.ScrollWidth, s.Width)
			}
			if s.Figures != len(r.Figures) || s.Drawn != len(r.Figures) {
				t.Errorf("%d figures, %d drawn, want %d", s.Figures, s.Drawn, len(r.Figures))
			}
			if s.SmallestText < 8.5 {
				t.Errorf("text of a drawing is %.1f pixels high", s.SmallestText)
			}
			if s.LowestContrast < 4.5 { // WCAG 2, level AA
				t.Errorf("text has a contrast of %.2f", s.LowestContrast)
			}
			if isDark := s.Ground != "rgb(255, 255, 255)"; isDark != c.dark {
				t.Errorf("the ground is %s", s.Ground)
			}
			if s.Shown < 2000 {
				t.Errorf("only %d characters are shown", s.Shown)
			}
		})
	}
}
