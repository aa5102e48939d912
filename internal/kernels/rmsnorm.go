package kernels

import "math"

// RMSNorm normalises groups of Dim columns, Groups of them side by side in a row,
// which share the weights w [Dim]:
//
//	y = x / sqrt(mean(x^2) + Eps) * w
//
// One group is the norm of a residual branch; a group a head is QK-norm.
type RMSNorm struct {
	Rows, Groups, Dim int
	Eps               float64
}

// Forward computes y, and rstd [Rows,Groups], the factor 1/sqrt(mean(x^2)+Eps) that
// Backward needs. y may be x.
func (n RMSNorm) Forward(y, x View, w, rstd []float32) {
	cols := n.Groups * n.Dim
	y.mustHold("RMSNorm: y", n.Rows, cols)
	x.mustHold("RMSNorm: x", n.Rows, cols)
	w, rstd = w[:n.Dim], rstd[:n.Rows*n.Groups]
	forRows(n.Rows, cols, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			for g := range n.Groups {
				xr, yr := x.Row(r, cols)[g*n.Dim:][:n.Dim], y.Row(r, cols)[g*n.Dim:][:n.Dim]
				f := float32(1 / math.Sqrt(float64(dot(xr, xr))/float64(n.Dim)+n.Eps))
				rstd[r*n.Groups+g] = f
				for i := range yr {
					yr[i] = xr[i] * f * w[i]
				}
			}
		}
	})
}

// Backward computes, with h = x*rstd and g = dy*w,
//
//	dx = rstd * (g - h*mean(g*h))  (+ res)
//	dw = sum over rows and groups of dy*h
//
// dx is overwritten and may be dy or res; res, the gradient that reaches x around the
// norm, may be empty. dw [Dim] is overwritten or, when acc is true, added to.
func (n RMSNorm) Backward(dx View, dw []float32, dy, x View, w, rstd []float32, res View, acc bool) {
	cols := n.Groups * n.Dim
	dx.mustHold("RMSNorm: dx", n.Rows, cols)
	dy.mustHold("RMSNorm: dy", n.Rows, cols)
	x.mustHold("RMSNorm: x", n.Rows, cols)
	w, rstd, dw = w[:n.Dim], rstd[:n.Rows*n.Groups], dw[:n.Dim]
	if res.Data != nil {
		res.mustHold("RMSNorm: res", n.Rows, cols)
	}
	count, size := groups(n.Rows, normPartials)
	parts := scratch(count * n.Dim)
	defer parts.release()
	For(count, func(i int) {
		part := parts.f[i*n.Dim : (i+1)*n.Dim]
		clear(part)
		for r := i * size; r < min(n.Rows, (i+1)*size); r++ {
			for g := range n.Groups {
				at := g * n.Dim
				xr, dyr, dxr := x.Row(r, cols)[at:][:n.Dim], dy.Row(r, cols)[at:][:n.Dim], dx.Row(r, cols)[at:][:n.Dim]
				f := rstd[r*n.Groups+g]
				var sum float32
				for i := range xr {
					part[i] += dyr[i] * (xr[i] * f)
					sum += dyr[i] * w[i] * xr[i]
				}
				sum *= f / float32(n.Dim)
				if res.Data == nil {
					for i := range dxr {
						dxr[i] = f * (dyr[i]*w[i] - xr[i]*f*sum)
					}
					continue
				}
				around := res.Row(r, cols)[at:][:n.Dim]
				for i := range dxr {
					dxr[i] = f*(dyr[i]*w[i]-xr[i]*f*sum) + around[i]
				}
			}
		}
	})
	sumPartials(dw, parts.f, count, n.Dim, acc)
}

// normPartials is how many partial sums of dw there are.
const normPartials = 32
