//go:build amd64 && !noasm

package kernels

//go:generate go run ./asm/exp -out exp_amd64.s -stubs exp_stubs_amd64.go -pkg kernels

var expCodes = [...]*expCode{
	ISAGo: nil,
	ISAAVX2: {
		maxRow: maxRowAVX2, expSum: expSumAVX2, scale: scaleAVX2, scaleRows: scaleRowsAVX2, dotRows: dotRowsAVX2,
		softmax: softmaxAVX2, softmaxBackward: softmaxBackwardAVX2,
		swiglu: swigluAVX2, swigluBackward: swigluBackwardAVX2,
	},
	ISAAVX512: {
		maxRow: maxRowAVX512, expSum: expSumAVX512, scale: scaleAVX512, scaleRows: scaleRowsAVX512, dotRows: dotRowsAVX512,
		softmax: softmaxAVX512, softmaxBackward: softmaxBackwardAVX512,
		swiglu: swigluAVX512, swigluBackward: swigluBackwardAVX512,
	},
}
