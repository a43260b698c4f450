/// The CPU's routines: raw arrays in, raw arrays out.
///
/// This list of entry points is the seam that another device's engine would stand behind. Shapes and types have
/// been validated by the caller; outputs are allocated by the caller.
public enum Engine {
  /// The instruction set whose kernels run: `baseline`, `avx2` or `avx512`.
  public static var instructionSet: String { InstructionSet.current.name }
}
