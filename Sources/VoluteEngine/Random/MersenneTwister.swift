/// Matsumoto and Nishimura's MT19937: 32-bit words with a period of 2^19937 - 1.
public struct MersenneTwister: Hashable, Sendable {
  static let length = 624
  private static let middle = 397

  /// The 624 words that the next ones are made from.
  private(set) var words: [UInt32]
  /// How many of `words` have been given out.
  private(set) var position: Int

  public init(seed: UInt32) {
    words = [seed]
    for index in 1..<UInt32(Self.length) {
      let last = words[words.count - 1]
      words.append(1_812_433_253 &* (last ^ (last >> 30)) &+ index)
    }
    position = Self.length
  }

  /// Goes on from where another one was; `nil` where none can have been.
  init?(words: [UInt32], position: Int) {
    guard words.count == Self.length, 0...Self.length ~= position else { return nil }
    self.words = words
    self.position = position
  }

  public mutating func next() -> UInt32 {
    if position == Self.length { renew() }
    var word = words[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  /// Two words, the first on top.
  public mutating func next64() -> UInt64 {
    let high = UInt64(next())
    return high << 32 | UInt64(next())
  }

  private mutating func renew() {
    for index in 0..<Self.length {
      let joined = (words[index] & 0x8000_0000) | (words[(index + 1) % Self.length] & 0x7FFF_FFFF)
      let twist = (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
      words[index] = words[(index + Self.middle) % Self.length] ^ twist
    }
    position = 0
  }
}
