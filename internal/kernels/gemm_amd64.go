//go:build amd64 && !noasm

package kernels

//go:generate go run ./asm/gemm -out gemm_amd64.s -stubs gemm_stubs_amd64.go -pkg kernels

var engines = [...]*engine{
	ISAGo: &engineGo,
	ISAAVX2: {
		rows: 6, lanes: 8, chunk: 512,
		tiles: [2][]tileFunc{
			{tile1x1AVX2, tile2x1AVX2, tile3x1AVX2, tile4x1AVX2, tile5x1AVX2, tile6x1AVX2},
			{tile1x2AVX2, tile2x2AVX2, tile3x2AVX2, tile4x2AVX2, tile5x2AVX2, tile6x2AVX2},
		},
		copyRows:     [2]copyFunc{copy1AVX2, copy2AVX2},
		transpose:    transposeAVX2,
		multiplyAdds: fmaLoopAVX2, peakFLOPs: 2 * 24 * 8,
	},
	ISAAVX512: {
		rows: 14, lanes: 16, chunk: 512,
		tiles: [2][]tileFunc{{
			tile1x1AVX512, tile2x1AVX512, tile3x1AVX512, tile4x1AVX512, tile5x1AVX512, tile6x1AVX512, tile7x1AVX512,
			tile8x1AVX512, tile9x1AVX512, tile10x1AVX512, tile11x1AVX512, tile12x1AVX512, tile13x1AVX512, tile14x1AVX512,
		}, {
			tile1x2AVX512, tile2x2AVX512, tile3x2AVX512, tile4x2AVX512, tile5x2AVX512, tile6x2AVX512, tile7x2AVX512,
			tile8x2AVX512, tile9x2AVX512, tile10x2AVX512, tile11x2AVX512, tile12x2AVX512, tile13x2AVX512, tile14x2AVX512,
		}},
		copyRows:     [2]copyFunc{copy1AVX512, copy2AVX512},
		transpose:    transposeAVX512,
		multiplyAdds: fmaLoopAVX512, peakFLOPs: 2 * 48 * 16,
	},
}
