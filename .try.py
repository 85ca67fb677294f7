import numpy as np, time, sys
from rfast_bench.loops import *
from rfast_bench.design import design
def three(n, s=0.0, compute=0.0):
    site=np.arange(n)%3
    L=np.where(site[:,None]==site[None],0.002,0.08); np.fill_diagonal(L,0)
    S=np.full((n,n),s); np.fill_diagonal(S,0)
    return Network(L,S,compute)
for n in (7,15,21,60):
  for s,k in ((0,None),(0.008,None),(0,2),(0.008,3)):
    for o in OBJECTIVES:
        t=time.time(); d=design(three(n,s,0.02),o,None,k); print(n,s,k,o,d.root,round(d.value,4),round(d.bound,4),f"{d.gap:.1%}", round(time.time()-t,2))
