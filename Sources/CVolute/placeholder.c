#include "CVolute.h"
