import Volute
