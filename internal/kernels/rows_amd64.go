//go:build amd64 && !noasm

package kernels

//go:generate go run ./asm/rows -out rows_amd64.s -stubs rows_stubs_amd64.go -pkg kernels

var rowCodes = [...]*rowCode{
	ISAGo: nil,
	ISAAVX2: {
		add: addAVX2, axpy: axpyAVX2, dot: dotAVX2, addRows: addRowsAVX2, copyRows: copyRowsAVX2,
		normForward: normForwardAVX2, normBackward: normBackwardAVX2, normBackwardRes: normBackwardResAVX2,
		rope: ropeAVX2, adamw: adamwAVX2,
	},
	ISAAVX512: {
		add: addAVX512, axpy: axpyAVX512, dot: dotAVX512, addRows: addRowsAVX512, copyRows: copyRowsAVX512,
		normForward: normForwardAVX512, normBackward: normBackwardAVX512, normBackwardRes: normBackwardResAVX512,
		rope: ropeAVX512, adamw: adamwAVX512,
	},
}
