package tasks

// The six tasks of MAD (Poli et al., "Mechanistic design and scaling of hybrid
// architectures"; athms/mad-lab, instances.py at 0f49a45), all with
// multi-query recall, as the benchmark runs them. What its code leaves to chance, or
// does by accident, is decided here:
//
//   - Every draw comes from the example's own stream. There, the blanks of selective
//     copying come from a global generator.
//   - task.seq_len is the benchmark's L, and every example has L positions. There,
//     in-context and noisy recall shift a sequence of L tokens and keep L-1; here the
//     last token stays, without a label, which changes nothing for a causal model.
//   - The slot that is never noise is one of those that can be noise. There, it may be
//     the final pair, and a sequence may have no key to ask for.
//   - The probe of fuzzy recall is always in the body. There, the offset may lie
//     behind the last pair, and the answer is then nowhere to be seen.
//   - The valid and the test split both follow the benchmark's rules for testing.
//   - Training labels of the recall tasks are all next tokens, those that nobody can
//     know and the padding included, as there.
//   - Compression labels every position with its own token, the last included; the
//     model needs a head that decodes the last vector (model.head: autoencoder).

// nextTokens labels every position but the last with the token after it.
func nextTokens(tokens, targets []int32) {
	last := len(tokens) - 1
	copy(targets, tokens[1:])
	targets[last] = Ignore
}
