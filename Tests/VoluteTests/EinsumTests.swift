import Testing
import Volute

@Suite struct EinsumTests {
  /// The sum by its definition: a loop over all values of all letters.
  private func looped(_ equation: String, _ operands: [Tensor]) -> [Int] {
    let sides = equation.split(separator: "->", omittingEmptySubsequences: false).map(String.init)
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    let output = Array(sides[1])
    var sizes: [Character: Int] = [:]
    for (term, operand) in zip(terms, operands) {
      for (letter, size) in zip(term, operand.shape) { sizes[letter] = size == 1 ? sizes[letter] ?? 1 : size }
    }
    let letters = sizes.keys.sorted()
    var result = Array(repeating: 0, count: output.reduce(1) { $0 * (sizes[$1] ?? 0) })
    func place(_ term: [Character], _ shape: [Int], _ values: [Character: Int]) -> Int {
      zip(term, shape).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : values[$1.0] ?? 0) }
    }
    let elements = operands.map { $0.integers() }
    for point in 0..<letters.reduce(1, { $0 * (sizes[$1] ?? 0) }) {
      var rest = point
      var values: [Character: Int] = [:]
      for letter in letters {
        values[letter] = rest % (sizes[letter] ?? 1)
        rest /= sizes[letter] ?? 1
      }
      var product = 1
      for (index, term) in terms.enumerated() {
        product *= elements[index][place(term, operands[index].shape, values)]
      }
      result[place(output, output.map { sizes[$0] ?? 0 }, values)] += product
    }
    return result
  }

  private func random(_ shape: [Int], seed: Int) -> Tensor {
    .randint(-9, 10, shape, generator: Generator(seed: seed))
  }

  @Test(arguments: [
    ("ij,jk->ik", [[2, 3], [3, 4]]),
    ("bij,bjk->bik", [[2, 3, 4], [2, 4, 5]]),
    ("bij,jk->kbi", [[2, 3, 4], [4, 5]]),
    ("bhdn,bhen->bhde", [[2, 2, 3, 5], [2, 2, 4, 5]]),
    ("ij->ji", [[2, 3]]),
    ("ijk->j", [[2, 3, 4]]),
    ("ii->i", [[4, 4]]),
    ("ii->", [[4, 4]]),
    ("iij->ji", [[3, 3, 2]]),
    ("iii->i", [[3, 3, 3]]),
    ("i,j->ij", [[2], [3]]),
    ("i,i->i", [[3], [3]]),
    ("i,i->", [[3], [3]]),
    ("ij,ij->", [[2, 3], [2, 3]]),
    ("ij,kl->ik", [[2, 3], [4, 5]]),
    ("i,ij,j->", [[2], [2, 3], [3]]),
    ("ab,bc,cd,de->ae", [[2, 3], [3, 4], [4, 2], [2, 3]]),
    ("ab,ac,ad->bcd", [[2, 3], [2, 4], [2, 2]]),
    ("ij,->ij", [[2, 3], []]),
    (",->", [[], []]),
    ("bi,bi->b", [[1, 3], [4, 3]]),
    ("ij,jk->ik", [[2, 1], [3, 4]]),
    ("ij,jk->ik", [[2, 0], [0, 4]]),
    ("aB,Bc->ca", [[2, 3], [3, 4]]),
    ("ii,ij->j", [[3, 3], [3, 2]]),
  ])
  func sumsAreLoops(equation: String, shapes: [[Int]]) throws {
    let operands = shapes.enumerated().map { random($1, seed: $0) }
    let expected = looped(equation, operands)
    let result = try einsum(equation, operands)
    #expect(result.integers() == expected)
    #expect(result.dtype == .int64)
    let real = try einsum(equation, operands.map { $0.to(.float32) })
    #expect(real.integers() == expected)
    #expect(real.dtype == .float32)
    // A transposed copy of the operand has other strides and the same elements.
    let strided = operands.map { $0.transposed(0, -1).contiguous().transposed(0, -1) }
    #expect(try einsum(equation, strided).integers() == expected)
  }

  @Test(arguments: [
    ("ba,cb", "ba,cb->ac", [[2, 3], [4, 2]]),
    ("ij,jk", "ij,jk->ik", [[2, 3], [3, 4]]),
    ("ii", "ii->", [[3, 3]]),
    ("bA", "bA->Ab", [[2, 3]]),
    (" i j , j k -> k i ", "ij,jk->ki", [[2, 3], [3, 4]]),
    ("...ij,...jk->...ik", "abij,abjk->abik", [[2, 3, 2, 4], [2, 3, 4, 2]]),
    ("...ij,...jk", "abij,abjk->abik", [[2, 3, 2, 4], [2, 3, 4, 2]]),
    ("...ij,jk->...ik", "abij,jk->abik", [[2, 3, 2, 4], [4, 2]]),
    ("...i,...i->...", "abi,bi->ab", [[2, 3, 4], [3, 4]]),
    ("...i,...i->...", "abi,abi->ab", [[2, 1, 4], [1, 3, 4]]),
    ("i...->...i", "iab->abi", [[2, 3, 4]]),
    ("i...j->...", "iabj->ab", [[2, 3, 4, 2]]),
    ("ij->...", "ij->", [[2, 3]]),
    ("...", "ab->ab", [[2, 3]]),
  ])
  func shortFormsStandForLongOnes(short: String, long: String, shapes: [[Int]]) throws {
    let operands = shapes.enumerated().map { random($1, seed: $0) }
    let result = try einsum(short, operands)
    let expected = try einsum(long, operands)
    #expect(result.shape == expected.shape)
    #expect(result.integers() == looped(long, operands))
  }

  @Test func knownValues() throws {
    let a = Tensor([[1, 2], [3, 4]])
    let b = Tensor([[5, 6], [7, 8]])
    #expect(try einsum("ij,jk->ik", a, b).integers() == [19, 22, 43, 50])
    #expect(try einsum("ii", a).item(as: Int64.self) == 5)
    #expect(try einsum("ij,ij->", a, b).item(as: Int64.self) == 70)
  }

  @Test func typesArePromotedAsInProductsAndSums() throws {
    let small = Tensor.ones([3], dtype: .int8)
    #expect(try einsum("i,i->i", small, small).dtype == .int8)
    #expect(try einsum("i->", small).dtype == .int64)
    #expect(try einsum("i,i->", small, small.to(.float64)).dtype == .float64)
    #expect(throws: ShapeError.self) { try einsum("i,i->", small.to(.bool), small.to(.bool)) }
  }

  @Test(arguments: [
    ("ij,jk", [[2, 3]], "fewer operands"),
    ("ij", [[2, 3], [3, 4]], "more operands"),
    ("", [], "fewer operands"),
    (
      "ijk", [[2, 3]],
      "subscripts in the equation (3) does not match the number of dimensions (2) for operand 0"
    ),
    ("i", [[2, 3]], "subscripts in the equation (1) does not match the number of dimensions (2)"),
    ("ijk...", [[2, 3]], "subscripts in the equation (3) is more than the number of dimensions (2)"),
    ("ij,jk->il", [[2, 3], [3, 4]], "output subscript l does not appear"),
    ("ij,jk->ii", [[2, 3], [3, 4]], "output subscript i appears more than once"),
    (
      "ij,ij", [[2, 3], [3, 4]],
      "subscript i has size 3 for operand 1 which does not broadcast with previously seen size 2"
    ),
    ("ii", [[2, 3]], "subscript i is repeated for operand 0 but the sizes don't match, 3 != 2"),
    ("i1", [[2, 3]], "invalid subscript given at index 1"),
    ("ij->i->j", [[2, 3]], "invalid subscript given at index 5"),
    ("ij-i", [[2, 3]], "invalid subscript given at index 2"),
    ("ij->i,j", [[2, 3]], "invalid subscript given at index 5"),
    ("i.j", [[2, 3]], "found '.' for operand 0 that is not part of any ellipsis"),
    ("i...j...", [[2, 3]], "found '.' for operand 0 for which an ellipsis was already found"),
    ("ij->i..", [[2, 3]], "found '.' for output that is not part of any ellipsis"),
    (
      "...i,...i", [[2, 3], [4, 3]],
      "size 4 for operand 1 which does not broadcast with previously seen size 2"
    ),
  ])
  func wrongEquationsAreRefused(equation: String, shapes: [[Int]], clause: String) throws {
    let error = try #require(throws: ShapeError.self) {
      try einsum(equation, shapes.map { Tensor.zeros($0) })
    }
    #expect(error.operation == "einsum")
    #expect(error.message.contains(clause), "\(error)")
  }
}
