package kernels

// ConstantTaps computes the taps [W,D] of a filter whose generator reads a
// learned vector v [in] instead of activations. Low-rank, first = P [in,R]:
//
//	z[r] = Σ_i v[i]·P[i,r];  taps[k,d] = Σ_r z[r]·U[r,k·D+d] (+ s[k,d])
//
// Head-wise, first = A [in, D/HeadSize·W]:
//
//	z[j] = Σ_i v[i]·A[i,j];  taps[k,d] = z[d/HeadSize·W+k] (+ s[k,d])
func (c Conv) ConstantTaps(taps, z, v, first, u, s []float32) {
	n := len(z)
	clear(z)
	for i, a := range v {
		for j, f := range first[i*n : (i+1)*n] {
			z[j] += a * f
		}
	}
	if s != nil {
		copy(taps, s)
	} else {
		clear(taps)
	}
	if c.Kind == ConvLowRank {
		for r, a := range z {
			for j, f := range u[r*c.W*c.D : (r+1)*c.W*c.D] {
				taps[j] += a * f
			}
		}
		return
	}
	for k := range c.W {
		for d := range c.D {
			taps[k*c.D+d] += z[d/c.HeadSize*c.W+k]
		}
	}
}

// ConstantTapsBackward is the gradient of ConstantTaps: dv [in], dfirst, du
// (nil when head-wise) and ds (nil without static taps), all added to when acc
// is set. dz is work space of z's size.
func (c Conv) ConstantTapsBackward(dv, dfirst, du, ds, dz, dtaps, z, v, first, u []float32, acc bool) {
	n := len(z)
	for _, g := range [][]float32{dv, dfirst, du, ds} {
		if !acc {
			clear(g)
		}
	}
	for j := range ds {
		ds[j] += dtaps[j]
	}
	clear(dz)
	if c.Kind == ConvLowRank {
		for r, a := range z {
			row := u[r*c.W*c.D : (r+1)*c.W*c.D]
			drow := du[r*c.W*c.D:]
			sum := float32(0)
			for j, f := range row {
				sum += dtaps[j] * f
				drow[j] += a * dtaps[j]
			}
			dz[r] = sum
		}
	} else {
		for k := range c.W {
			for d := range c.D {
				dz[d/c.HeadSize*c.W+k] += dtaps[k*c.D+d]
			}
		}
	}
	for i, a := range v {
		row, drow := first[i*n:(i+1)*n], dfirst[i*n:]
		sum := float32(0)
		for j, f := range row {
			sum += dz[j] * f
			drow[j] += a * dz[j]
		}
		dv[i] += sum
	}
}
