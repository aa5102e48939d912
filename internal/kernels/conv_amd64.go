//go:build amd64 && !noasm

package kernels

//go:generate go run ./asm/conv -out conv_amd64.s -stubs conv_stubs_amd64.go -pkg kernels

var convCodes = [...]*convCode{
	ISAGo: nil,
	ISAAVX2: {
		lanes: 8,
		static: []convLoops{
			{convLoop{1, convStaticForwardW1AVX2}, convLoop{4, convStaticBackwardW1AVX2}},
			{convLoop{1, convStaticForwardW2AVX2}, convLoop{4, convStaticBackwardW2AVX2}},
			{convLoop{1, convStaticForwardW3AVX2}, convLoop{4, convStaticBackwardW3AVX2}},
			{convLoop{1, convStaticForwardW4AVX2}, convLoop{4, convStaticBackwardW4AVX2}},
			{convLoop{1, convStaticForwardW5AVX2}, convLoop{4, convStaticBackwardW5AVX2}},
			{convLoop{1, convStaticForwardW6AVX2}, convLoop{4, convStaticBackwardW6AVX2}},
		},
		headwise: []convLoops{
			{convLoop{1, convHeadwiseForwardW1AVX2}, convLoop{4, convHeadwiseBackwardW1AVX2}},
			{convLoop{1, convHeadwiseForwardW2AVX2}, convLoop{4, convHeadwiseBackwardW2AVX2}},
			{convLoop{1, convHeadwiseForwardW3AVX2}, convLoop{2, convHeadwiseBackwardW3AVX2}},
			{convLoop{1, convHeadwiseForwardW4AVX2}, convLoop{2, convHeadwiseBackwardW4AVX2}},
			{convLoop{1, convHeadwiseForwardW5AVX2}, convLoop{1, convHeadwiseBackwardW5AVX2}},
			{convLoop{1, convHeadwiseForwardW6AVX2}, convLoop{1, convHeadwiseBackwardW6AVX2}},
		},
		lowRank: []convLoops{
			{convLoop{6, convLowRankForwardW1AVX2}, convLoop{6, convLowRankBackwardW1AVX2}},
			{convLoop{4, convLowRankForwardW2AVX2}, convLoop{4, convLowRankBackwardW2AVX2}},
			{convLoop{3, convLowRankForwardW3AVX2}, convLoop{3, convLowRankBackwardW3AVX2}},
			{convLoop{3, convLowRankForwardW4AVX2}, convLoop{3, convLowRankBackwardW4AVX2}},
			{convLoop{2, convLowRankForwardW5AVX2}, convLoop{2, convLowRankBackwardW5AVX2}},
			{convLoop{2, convLowRankForwardW6AVX2}, convLoop{2, convLowRankBackwardW6AVX2}},
		},
		copyRows: copy1AVX2, laneSums: convLaneSumsAVX2, partialSums: convPartialSumsAVX2,
	},
	ISAAVX512: {
		lanes: 16,
		static: []convLoops{
			{convLoop{1, convStaticForwardW1AVX512}, convLoop{4, convStaticBackwardW1AVX512}},
			{convLoop{1, convStaticForwardW2AVX512}, convLoop{4, convStaticBackwardW2AVX512}},
			{convLoop{1, convStaticForwardW3AVX512}, convLoop{4, convStaticBackwardW3AVX512}},
			{convLoop{1, convStaticForwardW4AVX512}, convLoop{4, convStaticBackwardW4AVX512}},
			{convLoop{1, convStaticForwardW5AVX512}, convLoop{4, convStaticBackwardW5AVX512}},
			{convLoop{1, convStaticForwardW6AVX512}, convLoop{4, convStaticBackwardW6AVX512}},
		},
		headwise: []convLoops{
			{convLoop{1, convHeadwiseForwardW1AVX512}, convLoop{4, convHeadwiseBackwardW1AVX512}},
			{convLoop{1, convHeadwiseForwardW2AVX512}, convLoop{4, convHeadwiseBackwardW2AVX512}},
			{convLoop{1, convHeadwiseForwardW3AVX512}, convLoop{4, convHeadwiseBackwardW3AVX512}},
			{convLoop{1, convHeadwiseForwardW4AVX512}, convLoop{4, convHeadwiseBackwardW4AVX512}},
			{convLoop{1, convHeadwiseForwardW5AVX512}, convLoop{2, convHeadwiseBackwardW5AVX512}},
			{convLoop{1, convHeadwiseForwardW6AVX512}, convLoop{2, convHeadwiseBackwardW6AVX512}},
		},
		lowRank: []convLoops{
			{convLoop{12, convLowRankForwardW1AVX512}, convLoop{12, convLowRankBackwardW1AVX512}},
			{convLoop{8, convLowRankForwardW2AVX512}, convLoop{8, convLowRankBackwardW2AVX512}},
			{convLoop{6, convLowRankForwardW3AVX512}, convLoop{6, convLowRankBackwardW3AVX512}},
			{convLoop{6, convLowRankForwardW4AVX512}, convLoop{6, convLowRankBackwardW4AVX512}},
			{convLoop{4, convLowRankForwardW5AVX512}, convLoop{4, convLowRankBackwardW5AVX512}},
			{convLoop{4, convLowRankForwardW6AVX512}, convLoop{4, convLowRankBackwardW6AVX512}},
		},
		copyRows: copy1AVX512, laneSums: convLaneSumsAVX512, partialSums: convPartialSumsAVX512,
	},
}
