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
// Backward needs. y may be x. Where the squares of finite values sum up to infinity, y is no
// number: it would be 0, and nobody would see that training has come apart.
func (n RMSNorm) Forward(y, x View, w, rstd []float32) {
	cols := n.Groups * n.Dim
	y.mustHold("RMSNorm: y", n.Rows, cols)
	x.mustHold("RMSNorm: x", n.Rows, cols)
	w, rstd = w[:n.Dim], rstd[:n.Rows*n.Groups]
	stream := n.stream(y, x)
	forRows(n.Rows, cols, func(r0, r1 int) {
		if c := rowsNow(); c != nil {
			c.normForward(r1-r0, n.Groups, n.Dim, &y.Data[r0*y.Stride], y.skip(cols), &x.Data[r0*x.Stride], x.skip(cols),
				&w[0], &rstd[r0*n.Groups], 1/float32(n.Dim), float32(n.Eps), stream)
			return
		}
		for r := r0; r < r1; r++ {
			for g := range n.Groups {
				rstd[r*n.Groups+g] = n.forward(y.Row(r, cols)[g*n.Dim:], x.Row(r, cols)[g*n.Dim:], w)
			}
		}
	})
}

// stream is View.stream of a result. The vectors of a group are aligned when groups fill lines.
func (n RMSNorm) stream(y View, in ...View) int {
	if n.Groups > 1 && n.Dim%line != 0 {
		return 0
	}
	return y.stream(n.Rows, n.Groups*n.Dim, in...)
}

// forward normalises one group and returns its factor.
func (n RMSNorm) forward(y, x, w []float32) float32 {
	y, x = y[:n.Dim], x[:n.Dim]
	mean := float64(dot(x, x)) / float64(n.Dim)
	f := float32(1/math.Sqrt(mean+n.Eps) + (mean - mean))
	for i := range y {
		y[i] = x[i] * f * w[i]
	}
	return f
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
	stream := n.stream(dx, dy, x, res)
	count, size := groups(n.Rows, normPartials)
	parts := scratch(count * n.Dim)
	defer parts.release()
	For(count, func(i int) {
		part := parts.f[i*n.Dim : (i+1)*n.Dim]
		clear(part)
		r0, r1 := i*size, min(n.Rows, (i+1)*size)
		switch c := rowsNow(); {
		case c == nil:
			n.backward(dx, part, dy, x, w, rstd, res, r0, r1)
		case res.Data == nil:
			c.normBackward(r1-r0, n.Groups, n.Dim, &dx.Data[r0*dx.Stride], dx.skip(cols), &dy.Data[r0*dy.Stride], dy.skip(cols),
				&x.Data[r0*x.Stride], x.skip(cols), &w[0], &rstd[r0*n.Groups], &part[0], 1/float32(n.Dim), stream)
		default:
			c.normBackwardRes(r1-r0, n.Groups, n.Dim, &dx.Data[r0*dx.Stride], dx.skip(cols), &dy.Data[r0*dy.Stride], dy.skip(cols),
				&x.Data[r0*x.Stride], x.skip(cols), &w[0], &rstd[r0*n.Groups], &part[0], 1/float32(n.Dim), stream, &res.Data[r0*res.Stride], res.skip(cols))
		}
	})
	sumStrided(dw[:n.Dim], parts.f, count, n.Dim, acc)
}

// normPartials is how many partial sums of dw there are.
const normPartials = 32

// backward works on the rows from r0 to r1 and adds their share of dw to part.
func (n RMSNorm) backward(dx View, part []float32, dy, x View, w, rstd []float32, res View, r0, r1 int) {
	cols := n.Groups * n.Dim
	for r := r0; r < r1; r++ {
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
}
