/// Which algorithms a convolution may be computed by.
public enum ConvolutionPolicy: Hashable, Sendable {
  /// The one that the cost model predicts to be fastest; of two, the one that adds up the products of the definition
  /// unless the other is predicted to be faster by a tenth.
  case automatic
  /// The fastest of those that add up the products of the definition, so that rounding is that of a sum and
  /// infinities and NaN stay where they belong.
  case exact
  /// The one that is fastest on this machine: the first time that a geometry is seen, the algorithms that are
  /// predicted to take at most four times the least time are run and timed, the weight packed anew in each call. The
  /// fastest is remembered, for this and later processes, by processor, instruction set and number of threads, in
  /// the file `plans` of `VOLUTE_CACHE_DIR`, `XDG_CACHE_HOME/volute` or `~/.cache/volute`.
  ///
  /// Results may then differ by rounding from one machine, or one measurement, to the next.
  case measured
  /// This one, or none.
  case algorithm(ConvolutionAlgorithm)

  /// What it is called on the command line and in files.
  package var name: String {
    switch self {
    case .automatic: "automatic"
    case .exact: "exact"
    case .measured: "measured"
    case .algorithm(let algorithm): algorithm.rawValue
    }
  }

  package init?(name: String) {
    if let choice = [Self.automatic, .exact, .measured].first(where: { $0.name == name }) {
      self = choice
    } else if let algorithm = ConvolutionAlgorithm(rawValue: name) {
      self = .algorithm(algorithm)
    } else {
      return nil
    }
  }
}
