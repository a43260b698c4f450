@_exported import VoluteArithmetic
@_exported import struct VoluteEngine.BFloat16
@_exported import enum VoluteEngine.DType
@_exported import protocol VoluteEngine.Element
@_exported import class VoluteEngine.Storage
@_exported import enum VoluteEngine.Scalar
@_exported import enum VoluteEngine.ConvolutionAlgorithm
@_exported import enum VoluteEngine.ConvolutionPolicy
@_exported import enum VoluteEngine.Engine
@_exported import struct VoluteEngine.MemoryStatistics
