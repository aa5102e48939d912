//go:build amd64 && !noasm

package kernels

//go:generate go run ./asm/bf16 -out bf16_amd64.s -stubs bf16_stubs_amd64.go -pkg kernels

var bf16Codes = [...]*bf16Code{
	ISAGo: nil,
	ISAAVX2: {
		lanes: 8, widen: widenAVX2, narrow: narrowAVX2, narrowAdd: narrowAddAVX2, squares: squaresAVX2,
		adamwGrad: adamwNarrowGradAVX2, adamwMoments: adamwNarrowMomentsAVX2, adamw: adamwNarrowAVX2,
	},
	ISAAVX512: {
		lanes: 16, widen: widenAVX512, narrow: narrowAVX512, narrowAdd: narrowAddAVX512, squares: squaresAVX512,
		adamwGrad: adamwNarrowGradAVX512, adamwMoments: adamwNarrowMomentsAVX512, adamw: adamwNarrowAVX512,
	},
}
